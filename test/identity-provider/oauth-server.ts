import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';
import { ACCOUNT_CLAIM, CODEX_CLIENT, CODEX_SCOPES, codexClaims, TEST_USER } from './codex-client.ts';

/** What the access token is for. */
const RESOURCE = 'https://api.openai.com/v1';

/** An OAuth server at `issuer` that knows Codex's client and one user. PKCE with S256 is required. */
export function makeOauthServer(issuer: string): Provider {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const provider = new Provider(issuer, {
    clients: [CODEX_CLIENT],
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', kid: 'test-1' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    routes: { authorization: '/oauth/authorize', token: '/oauth/token', jwks: '/.well-known/jwks.json' },
    scopes: CODEX_SCOPES,
    claims: {
      openid: ['sub', ACCOUNT_CLAIM],
      email: ['email', 'email_verified'],
      profile: ['name'],
    },
    // Codex reads the person's address from the id token, without a second request.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      // Codex expects its access token to be a JWT.
      resourceIndicators: {
        enabled: true,
        defaultResource: () => RESOURCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope: CODEX_SCOPES.join(' '), accessTokenFormat: 'jwt' }),
      },
    },
    extraTokenClaims: () => ({ [ACCOUNT_CLAIM]: codexClaims()[ACCOUNT_CLAIM] }),
    interactions: { url: (_context, interaction) => `/sign-in/${interaction.uid}` },
    // Codex asks for offline_access without prompt=consent, which the standard would ignore.
    issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
    findAccount: (_context, subject) =>
      subject === TEST_USER.subject ? { accountId: subject, claims: async () => codexClaims() } : undefined,
    async loadExistingGrant(context) {
      const grant = new context.oidc.provider.Grant({
        clientId: context.oidc.client?.clientId,
        accountId: context.oidc.session?.accountId,
      });
      grant.addOIDCScope(CODEX_SCOPES.join(' '));
      grant.addResourceScope(RESOURCE, CODEX_SCOPES.join(' '));
      await grant.save();
      return grant;
    },
    ttl: {
      AccessToken: 3600,
      AuthorizationCode: 60,
      Grant: 86_400,
      IdToken: 3600,
      Interaction: 3600,
      RefreshToken: 86_400,
      Session: 86_400,
    },
  });
  return provider;
}
