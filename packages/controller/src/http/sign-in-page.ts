import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * What a person without proof sees in place of a page, with status 401. It carries no data.
 * Its script turns a viewer token in the address's fragment, which a browser never sends, into a cookie;
 * and tries once more when a link from elsewhere kept the browser from sending a cookie that it has.
 */
const SCRIPT = `
const say = (text) => { document.querySelector('#status').textContent = text; };
const bare = location.pathname + location.search;
const parameters = new URLSearchParams(location.hash.slice(1));
const token = parameters.get('token');
const session = new URLSearchParams(location.search).get('session');
async function enter() {
  if (token !== null && session !== null) {
    const response = await fetch('/api/auth/session/' + encodeURIComponent(session) + '/viewer-cookie',
      { method: 'POST', headers: { authorization: 'Bearer ' + token } });
    if (response.ok) return location.replace(bare);
    return say('This link has expired or is not valid. Ask for a new one.');
  }
  const tried = 'retried ' + bare;
  if (location.pathname !== '/dashboard/sign-in' && sessionStorage.getItem(tried) === null) {
    const response = await fetch(bare, { headers: { accept: 'text/html' } });
    if (response.ok) { sessionStorage.setItem(tried, '1'); return location.replace(bare); }
  }
  sessionStorage.removeItem(tried);
  say('Open the sign-in link that the controller printed, or enter its code. A link works once, for 15 minutes.');
}
enter().catch(() => say('The controller does not answer.'));
`;
const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { display: grid; place-content: center; min-height: 90vh; margin: 0; padding: 1rem; }
main { max-width: 26rem; }
form { display: flex; gap: .5rem; }
input { flex: 1; min-width: 0; font: inherit; padding: .4rem .6rem; }
button { font: inherit; padding: .4rem 1rem; }
`;
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · Browser VM</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Browser VM</h1>
<p id="status" role="status">One moment…</p>
<form method="get" action="/dashboard/sign-in">
<input name="code" aria-label="Sign-in code" placeholder="Sign-in code" autocomplete="off" required>
<button>Sign in</button>
</form>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
const POLICY = [
  "default-src 'none'",
  `script-src '${hash(SCRIPT)}'`,
  `style-src '${hash(STYLE)}'`,
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** Does a person's browser ask for a page, rather than a program for data? */
export function isNavigation(request: FastifyRequest): boolean {
  return (
    request.method === 'GET' &&
    !request.url.startsWith('/api/') &&
    (request.headers.accept ?? '').includes('text/html')
  );
}

export function sendSignInPage(reply: FastifyReply): FastifyReply {
  return reply
    .code(401)
    .header('content-security-policy', POLICY)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .serializer(String)
    .send(PAGE);
}
