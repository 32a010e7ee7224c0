import type { Configuration } from 'oidc-provider';

/** The user the identity provider knows. */
export const TEST_USER = {
  name: 'tester@example.com',
  password: 'correct horse 7',
  subject: 'user-test-1',
} as const;

/** Codex's public client, as its `codex login` presents itself. */
export const CODEX_CLIENT = {
  client_id: 'app_EMoamEEZ73f0CkXaXp7hrann',
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  redirect_uris: ['http://127.0.0.1:1455/auth/callback', 'http://localhost:1455/auth/callback'],
  id_token_signed_response_alg: 'RS256',
} satisfies NonNullable<Configuration['clients']>[number];

export const CODEX_SCOPES = [
  'openid',
  'profile',
  'email',
  'offline_access',
  'api.connectors.read',
  'api.connectors.invoke',
];

/** What Codex reads from the id token about the account. */
export const ACCOUNT_CLAIM = 'https://api.openai.com/auth';

export function codexClaims(): Record<string, unknown> & { sub: string } {
  return {
    sub: TEST_USER.subject,
    name: 'Test User',
    email: TEST_USER.name,
    email_verified: true,
    [ACCOUNT_CLAIM]: {
      chatgpt_account_id: 'account-test-1',
      chatgpt_user_id: TEST_USER.subject,
      user_id: TEST_USER.subject,
      chatgpt_plan_type: 'plus',
      organizations: [{ id: 'org-test-1', is_default: true, role: 'owner', title: 'Personal' }],
    },
  };
}
