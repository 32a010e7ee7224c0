import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Provider } from 'oidc-provider';
import { type Authority, makeAuthority, makeLeaf } from './authority.ts';
import { TEST_USER } from './codex-client.ts';
import { makeOauthServer } from './oauth-server.ts';
import { signInPage } from './sign-in-page.ts';

export { type Authority, makeAuthority } from './authority.ts';

export interface IssuedTokens {
  readonly idToken: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** One request, without its query: that holds secrets. */
export interface SeenRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly status: number;
}

export interface IdentityProviderOptions {
  readonly address: string;
  readonly port?: number;
  /** Names in the certificate; the first is the issuer's. */
  readonly hostNames?: readonly string[];
  /** Reused when a guest already trusts it; otherwise one is made. */
  readonly authority?: Authority;
  /** HTML shown instead of the page that asks for name and password: then nobody signs in. */
  readonly page?: string;
  readonly onRequest?: (request: SeenRequest) => void;
  readonly onTokens?: (tokens: IssuedTokens) => void;
}

export interface IdentityProvider {
  /** PEM */
  readonly caCertificate: string;
  readonly port: number;
  readonly user: { readonly name: string; readonly password: string };
  readonly requests: readonly SeenRequest[];
  issuedTokens(): readonly IssuedTokens[];
  close(): Promise<void>;
}

/** Bytes */
const MAX_FORM = 16_384;

/** An identity provider that Codex signs in to as it does to the real one, under a certificate of its own. */
export async function startIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  const { address, port = 443, hostNames = ['auth.openai.com'] } = options;
  const authority = options.authority ?? (await makeAuthority());
  const leaf = await makeLeaf(authority, hostNames);
  const requests: SeenRequest[] = [];
  const tokens: IssuedTokens[] = [];
  const oauth = makeOauthServer(`https://${hostNames[0]}`);
  oauth.on('grant.success', (context) => {
    const body = context.body as Record<string, string>;
    const issued = {
      idToken: body.id_token ?? '',
      accessToken: body.access_token ?? '',
      refreshToken: body.refresh_token ?? '',
    };
    tokens.push(issued);
    options.onTokens?.(issued);
  });
  const answerOauth = oauth.callback();

  const server = createServer({ cert: leaf.certificate, key: leaf.privateKey }, (request, response) => {
    const path = new URL(request.url ?? '/', 'https://host').pathname;
    response.once('finish', () => {
      const seen = {
        method: request.method ?? '',
        host: request.headers.host ?? '',
        path,
        status: response.statusCode,
      };
      requests.push(seen);
      options.onRequest?.(seen);
    });
    const uid = /^\/sign-in\/([\w-]+)$/.exec(path)?.[1];
    if (uid === undefined) {
      answerOauth(request, response);
      return;
    }
    answerSignIn(oauth, { uid, page: options.page }, request, response).catch((error: unknown) => {
      response.writeHead(400, { 'content-type': 'text/plain' });
      response.end(`This sign-in cannot go on: ${String(error)}`);
    });
  });
  server.listen(port, address);
  await once(server, 'listening');
  return {
    caCertificate: authority.certificate,
    port: (server.address() as AddressInfo).port,
    user: { name: TEST_USER.name, password: TEST_USER.password },
    requests,
    issuedTokens: () => tokens,
    async close() {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, 'close');
    },
  };
}

async function answerSignIn(
  oauth: Provider,
  { uid, page }: { readonly uid: string; readonly page: string | undefined },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  await oauth.interactionDetails(request, response);
  const show = (error: string | null, status: number) => {
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    response.end(page ?? signInPage(uid, error));
  };
  if (request.method !== 'POST') return show(null, 200);
  const form = await readForm(request);
  if (form.get('action') === 'deny') {
    const denied = { error: 'access_denied', error_description: 'The person cancelled' };
    return oauth.interactionFinished(request, response, denied, { mergeWithLastSubmission: false });
  }
  if (form.get('user') !== TEST_USER.name || form.get('password') !== TEST_USER.password) {
    return show('Wrong email or password.', 401);
  }
  // Consent comes with the sign-in: a native client is asked each time otherwise.
  const done = { login: { accountId: TEST_USER.subject }, consent: {} };
  return oauth.interactionFinished(request, response, done, { mergeWithLastSubmission: false });
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > MAX_FORM) throw new Error('the form is too long');
  }
  return new URLSearchParams(text);
}
