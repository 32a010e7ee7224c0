import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { faultSchema } from '@browser-vm/protocol';
import { WebSocket } from 'ws';
import { type Running, startController } from './support/controller.ts';

let running: Running;
before(async () => {
  running = await startController();
});
after(() => running.close());

const ID = '6f1e9b6c-4d0a-4f0e-8b1a-0d4f7f3f2a10';

function everyRoute(): Array<{ method: string; path: string; open: boolean }> {
  return running.routes.flatMap(({ method, url, config }) =>
    [method].flat().map((verb) => ({
      method: verb,
      path: url.replace(':id', ID).replace('*', 'index.html'),
      open: config?.access === 'public',
    })),
  );
}

test('the route table holds what the API promises', () => {
  const table = running.routes.map(({ method, url }) => `${method} ${url}`).toSorted();
  for (const promised of [
    'GET /health',
    'POST /api/auth/start',
    'GET /api/auth/session/:id',
    'GET /api/auth/session/:id/events',
    'POST /api/webrtc/session/:id/offer',
    'GET /api/vnc/session/:id',
    'DELETE /api/credentials/:id',
    'GET /dashboard/remote-cli',
    'GET /dashboard/*',
    'GET /api/openapi.json',
  ]) {
    assert.ok(table.includes(promised), `${promised} is missing from ${table.join(', ')}`);
  }
});

test('every route except /health refuses who has no credential, and who has a wrong one', async () => {
  assert.deepEqual(
    everyRoute().filter(({ open }) => open),
    [{ method: 'GET', path: '/health', open: true }],
  );
  for (const { method, path, open } of everyRoute()) {
    if (open) continue;
    const strangers: Record<string, string>[] = [
      {},
      { authorization: 'Bearer wrong' },
      { authorization: 'Basic d3Jvbmc6d3Jvbmc=' },
      { authorization: '' },
      { cookie: 'browser_vm_dashboard=wrong' },
      { cookie: `browser_vm_viewer_${ID}=wrong` },
      { accept: 'text/html' },
    ];
    for (const headers of strangers) {
      const response = await running.request(path, { method, token: null, headers });
      const what = `${method} ${path} with ${JSON.stringify(headers)}`;
      assert.equal(response.status, 401, what);
      const html = response.headers.get('content-type')?.startsWith('text/html') ?? false;
      if (html) assert.ok(headers.accept, what);
      else assert.equal(faultSchema.parse(await response.json()).hop, 'authentication', what);
    }
  }
});

test('what is no route is refused the same, and unknown only to who may know', async () => {
  for (const method of ['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT']) {
    assert.equal((await running.request('/nothing/here', { method, token: null })).status, 401);
    assert.equal((await running.request('/health', { method: 'POST', token: null })).status, 401);
  }
  const response = await running.request('/nothing/here');
  assert.equal(response.status, 404);
  assert.equal(faultSchema.parse(await response.json()).code, 'unknown_route');
});

test('a WebSocket is refused before the upgrade', async () => {
  for (const options of [{}, { headers: { authorization: 'Bearer wrong' } }]) {
    for (const protocols of [['binary'], ['binary', 'bearer.wrong']]) {
      const socket = new WebSocket(`${running.url}/api/vnc/session/${ID}`, protocols, options);
      const status = await new Promise((resolve, reject) => {
        socket.once('unexpected-response', (_request, response) => resolve(response.statusCode));
        socket.once('open', () => reject(new Error('it opened')));
        socket.on('error', () => {});
      });
      socket.terminate();
      assert.equal(status, 401);
    }
  }
});

test('health tells nothing but that it is up', async () => {
  const response = await running.request('/health', { token: null });
  assert.equal(response.status, 200);
  assert.deepEqual(Object.keys((await response.json()) as object).toSorted(), [
    'status',
    'uptimeSeconds',
    'version',
  ]);
});

test('no answer invites other origins, and each carries the security headers', async () => {
  const response = await running.request('/api/providers', { headers: { origin: 'https://evil.example' } });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('access-control-allow-origin'), null);
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.match(response.headers.get('content-security-policy') ?? '', /default-src 'none'/);
});

test('bad input is a 400 that names the field, whatever is wrong with it', async () => {
  for (const [path, body, code] of [
    ['/api/auth/start', '{', /^ctp_invalid_json_body$/],
    ['/api/auth/start', '{}', /^invalid_request$/],
    ['/api/auth/start', '{"userId":"a b","provider":"codex"}', /^invalid_request$/],
    ['/api/auth/start', '{"userId":"a","provider":"codex","x":1}', /^invalid_request$/],
    ['/api/auth/start', '{"userId":"a","provider":"nope"}', /^unknown_provider$/],
    ['/api/auth/session/not-a-uuid/cancel', undefined, /^invalid_request$/],
  ] as const) {
    const response = await running.request(path, { method: 'POST', ...(body === undefined ? {} : { body }) });
    const fault = faultSchema.parse(await response.json());
    assert.equal(response.status, 400, JSON.stringify(fault));
    assert.match(fault.code, code);
    assert.notEqual(fault.message, '');
  }
  assert.equal(running.host.vms.length, 0);
});

test('an unknown provider is refused with the list of known ones', async () => {
  const response = await running.request('/api/auth/start', {
    method: 'POST',
    body: '{"userId":"a","provider":"nope"}',
  });
  const fault = faultSchema.parse(await response.json());
  assert.deepEqual(fault.details, { providers: ['codex'] });
  assert.match(fault.message, /nope.*codex/);
});

test('an unknown session is a 404 on each of its routes', async () => {
  const viewerId = ID;
  for (const [method, path, body] of [
    ['GET', `/api/auth/session/${ID}`, undefined],
    ['GET', `/api/auth/session/${ID}/events`, undefined],
    ['POST', `/api/auth/session/${ID}/cancel`, undefined],
    ['POST', `/api/auth/session/${ID}/viewers`, { mode: 'view' }],
    ['GET', `/api/auth/session/${ID}/viewer`, undefined],
    ['POST', `/api/auth/session/${ID}/viewer-report`, { stage: 'first_frame' }],
    ['POST', `/api/webrtc/session/${ID}/offer`, { viewerId, sdp: 'v=0' }],
    ['GET', `/api/webrtc/session/${ID}/answer?viewerId=${viewerId}`, undefined],
    ['POST', `/api/webrtc/session/${ID}/candidates`, { viewerId, candidate: { candidate: '' } }],
  ] as const) {
    const response = await running.request(path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    assert.equal(response.status, 404, path);
    assert.equal(faultSchema.parse(await response.json()).code, 'unknown_session');
  }
});

test('more requests than the limit are a 429 that says when to come back, also for strangers', async () => {
  const limited = await startController({ configuration: { RATE_LIMIT_MAX_REQUESTS: 3 } });
  try {
    const statuses: number[] = [];
    for (let count = 0; count < 4; count += 1) {
      const response = await limited.request('/api/providers', { token: 'guess' });
      statuses.push(response.status);
      if (response.status === 429) {
        assert.ok(Number(response.headers.get('retry-after')) > 0);
        assert.equal(faultSchema.parse(await response.json()).code, 'rate_limited');
      }
    }
    assert.deepEqual(statuses, [401, 401, 401, 429]);
  } finally {
    await limited.close();
  }
});
