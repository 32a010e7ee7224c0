import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { faultSchema, type SignInLink, type StartResponse, viewerResponseSchema } from '@browser-vm/protocol';
import { createSignInCodes } from '../src/auth/sign-in-codes.ts';
import { createTokens } from '../src/auth/tokens.ts';
import { type Running, startController, temporaryDirectory } from './support/controller.ts';

let running: Running;
let repositoryRoot: string;
let mine: StartResponse;
let other: StartResponse;
before(async () => {
  repositoryRoot = await temporaryDirectory();
  const built = `${repositoryRoot}/packages/dashboard/dist`;
  await mkdir(`${built}/assets`, { recursive: true });
  await writeFile(`${built}/index.html`, '<title>the dashboard</title>');
  await writeFile(`${built}/assets/main.js`, 'export {};');
  await writeFile(`${repositoryRoot}/packages/dashboard/outside.txt`, 'not for serving');
  running = await startController({ repositoryRoot });
  mine = await running.start('mine');
  other = await running.start('other');
});
after(async () => {
  await running.close();
  await rm(repositoryRoot, { recursive: true });
});

/** The cookie a response sets, as a browser would send it. */
function cookieOf(response: Response): string {
  const [cookie] = response.headers.getSetCookie();
  assert.ok(cookie, 'no cookie was set');
  assert.match(cookie, /; HttpOnly; SameSite=Strict/);
  return cookie.split(';')[0] ?? '';
}

async function signIn(): Promise<string> {
  const link = await running.request('/api/sign-in-links', { method: 'POST', body: '{}' });
  assert.equal(link.status, 201);
  const { url } = (await link.json()) as SignInLink;
  return cookieOf(await running.request(url, { token: null }));
}

const as = (cookie: string, headers: Record<string, string> = {}) => ({
  token: null,
  headers: { cookie, ...headers },
});

describe('sign-in links', () => {
  test('the printed link opens the dashboard once', async () => {
    const response = await running.request(running.signInLink, { token: null });
    assert.equal(response.status, 303);
    assert.equal(response.headers.get('location'), '/dashboard/remote-cli');
    const page = await running.request('/dashboard/remote-cli', as(cookieOf(response)));
    assert.equal(page.status, 200);
    assert.match(await page.text(), /the dashboard/);
    assert.equal((await running.request(running.signInLink, { token: null })).status, 401);
  });

  test('asking whether a link exists does not use it up', async () => {
    const minted = await running.request('/api/sign-in-links', { method: 'POST' });
    const { url } = (await minted.json()) as SignInLink;
    assert.notEqual((await running.request(url, { method: 'HEAD', token: null })).status, 303);
    assert.equal((await running.request(url, { token: null })).status, 303);
  });

  test('only the API token makes new links, not the cookie that one gave', async () => {
    const response = await running.request('/api/sign-in-links', {
      method: 'POST',
      ...as(await signIn(), { origin: running.url }),
    });
    assert.equal(response.status, 403);
  });

  test('a code expires', () => {
    let now = 0;
    const codes = createSignInCodes(() => now);
    const early = codes.mint().code;
    const late = codes.mint().code;
    now = 15 * 60 * 1000 - 1;
    assert.equal(codes.redeem(early), true);
    assert.equal(codes.redeem(early), false);
    now += 1;
    assert.equal(codes.redeem(late), false);
  });
});

describe('the dashboard cookie', () => {
  test('reads with it need no origin; writes must come from our own pages', async () => {
    const cookie = await signIn();
    assert.equal((await running.request('/api/providers', as(cookie))).status, 200);
    const body = '{"userId":"cookie","provider":"codex"}';
    for (const [origin, status] of [
      [undefined, 403],
      ['https://evil.example', 403],
      ['null', 403],
      [running.url, 201],
    ] as const) {
      const options = as(cookie, origin === undefined ? {} : { origin });
      const response = await running.request('/api/auth/start', { method: 'POST', body, ...options });
      assert.equal(response.status, status, `origin ${origin}`);
    }
  });

  test('a wrong token refuses the request although the cookie is good', async () => {
    const headers = { cookie: await signIn(), authorization: 'Bearer wrong' };
    assert.equal((await running.request('/api/providers', { token: null, headers })).status, 401);
  });
});

describe('viewer tokens', () => {
  test('reach their own session and no other, and nothing that is not a session', async () => {
    const token = mine.viewerToken;
    for (const [method, path, status] of [
      ['GET', `/api/auth/session/${mine.sessionId}`, 200],
      ['GET', `/api/auth/session/${mine.sessionId.toUpperCase()}`, 200],
      ['GET', '/api/webrtc/ice-servers', 200],
      ['GET', `/api/auth/session/${other.sessionId}`, 403],
      ['GET', `/api/auth/session/${other.sessionId}/events`, 403],
      ['POST', `/api/auth/session/${other.sessionId}/cancel`, 403],
      ['POST', `/api/webrtc/session/${other.sessionId}/offer`, 403],
      ['GET', `/api/vnc/session/${other.sessionId}`, 403],
      ['POST', `/api/auth/session/${other.sessionId}/viewer-cookie`, 403],
      ['POST', '/api/auth/start', 403],
      ['GET', '/api/auth/sessions?userId=mine', 403],
      ['GET', '/api/credentials?userId=mine', 403],
      ['DELETE', `/api/credentials/${mine.sessionId}`, 403],
      ['GET', '/api/host', 403],
      ['POST', '/api/sign-in-links', 403],
      ['GET', '/api/openapi.json', 403],
    ] as const) {
      const response = await running.request(path, { method, token });
      assert.equal(response.status, status, `${method} ${path}`);
      if (status === 403) assert.equal(faultSchema.parse(await response.json()).code, 'forbidden');
    }
  });

  test('only an operator lets more viewers in, and one that may only watch ends nothing', async () => {
    const path = `/api/auth/session/${mine.sessionId}`;
    const letIn = (mode: string, token?: string) =>
      running.request(`${path}/viewers`, {
        method: 'POST',
        body: JSON.stringify({ mode }),
        ...(token === undefined ? {} : { token }),
      });
    assert.equal((await letIn('view', mine.viewerToken)).status, 403);
    assert.equal((await letIn('everything')).status, 400);
    const response = await letIn('view');
    assert.equal(response.status, 201);
    const watcher = viewerResponseSchema.parse(await response.json());
    assert.equal(watcher.mode, 'view');
    for (const [method, suffix, status] of [
      ['GET', '', 200],
      ['POST', '/cancel', 403],
      ['POST', '/viewers', 403],
    ] as const) {
      const answer = await running.request(path + suffix, { method, token: watcher.viewerToken });
      assert.equal(answer.status, status, `${method} ${suffix}`);
    }
    for (const [token, mode] of [
      [watcher.viewerToken, 'view'],
      [mine.viewerToken, 'control'],
      [viewerResponseSchema.parse(await (await letIn('control')).json()).viewerToken, 'control'],
    ] as const) {
      const asked = await running.request(`${path}/viewer`, { token });
      assert.deepEqual(await asked.json(), { mode });
    }
    await running.request(`/api/webrtc/session/${mine.sessionId}/offer`, {
      method: 'POST',
      token: watcher.viewerToken,
      body: JSON.stringify({ viewerId: mine.sessionId, sdp: 'v=0' }),
    });
    const vm = await running.host.vmOf(mine.sessionId);
    assert.ok(vm.calls.includes(`offer ${mine.sessionId} view`), vm.calls.join());
  });

  test('an expired, foreign or repurposed token is none', async () => {
    const key = new Uint8Array(32).fill(7);
    const tokens = createTokens(key);
    const past = await tokens.issueViewer(mine.sessionId, 'control', new Date(Date.now() - 1000));
    assert.equal(await tokens.verifyViewer(past), null);
    assert.equal(await tokens.verifyViewer(await tokens.issueDashboard()), null);
    const future = await tokens.issueViewer(mine.sessionId, 'control', new Date(Date.now() + 60_000));
    assert.equal(await tokens.verifyDashboard(future), false);
    assert.notEqual(await tokens.verifyViewer(future), null);
    const path = `/api/auth/session/${mine.sessionId}`;
    assert.equal((await running.request(path, { token: future })).status, 401);
  });

  test('the viewer link shows a page without data, whose token becomes a cookie for that session', async () => {
    const link = new URL(mine.viewerUrl);
    const bare = link.pathname + link.search;
    const html = { accept: 'text/html,application/xhtml+xml' };
    const gate = await running.request(bare, { token: null, headers: html });
    assert.equal(gate.status, 401);
    assert.match(gate.headers.get('content-security-policy') ?? '', /script-src 'sha256-/);
    assert.ok(!(await gate.text()).includes(mine.sessionId));

    const exchange = await running.request(`/api/auth/session/${mine.sessionId}/viewer-cookie`, {
      method: 'POST',
      token: new URLSearchParams(link.hash.slice(1)).get('token'),
    });
    assert.equal(exchange.status, 204);
    const cookie = cookieOf(exchange);
    const get = (path: string) => running.request(path, as(cookie));
    assert.equal((await get(bare)).status, 200);
    assert.equal((await get('/dashboard/assets/main.js')).status, 200);
    assert.equal((await get(`/api/auth/session/${mine.sessionId}`)).status, 200);
    assert.equal((await get(`/api/auth/session/${other.sessionId}`)).status, 403);
    assert.equal((await get('/api/providers')).status, 403);
    const report = (headers: Record<string, string>) =>
      running.request(`/api/auth/session/${mine.sessionId}/viewer-report`, {
        method: 'POST',
        body: '{"stage":"first_frame"}',
        ...as(cookie, headers),
      });
    assert.equal((await report({ origin: 'https://evil.example' })).status, 403);
    assert.equal((await report({ origin: running.url })).status, 204);
    const renamed = cookie.replace(mine.sessionId, other.sessionId);
    const stolen = await running.request(`/api/auth/session/${other.sessionId}`, as(renamed));
    assert.equal(stolen.status, 401);
  });
});

describe('files of the dashboard', () => {
  test('what is not there is a 404, and nothing outside the folder is served', async () => {
    for (const path of [
      '/dashboard/nothing.js',
      '/dashboard/..%2foutside.txt',
      '/dashboard/%2e%2e/outside.txt',
    ]) {
      const response = await running.request(path);
      assert.ok([403, 404].includes(response.status), `${path} answered ${response.status}`);
      faultSchema.parse(await response.json());
    }
  });

  test('a dashboard that is not built is said to be so', async () => {
    await rm(`${repositoryRoot}/packages/dashboard/dist/index.html`);
    const response = await running.request('/dashboard/remote-cli');
    assert.equal(response.status, 503);
    assert.equal(faultSchema.parse(await response.json()).code, 'dashboard_not_built');
  });
});
