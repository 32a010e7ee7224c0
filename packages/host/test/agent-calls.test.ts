import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { CLIPBOARD_IMAGE, PROVIDERS } from '@browser-vm/protocol';
import { AgentClient } from '../src/agent-client/agent-client.ts';

/** What happened, in order: calls that asked for running CPUs, and requests that arrived. */
let said: string[];
let server: Server;
let agent: AgentClient;

beforeEach(async () => {
  said = [];
  server = createServer((request, response) => {
    said.push(request.url ?? '');
    request.resume();
    if (request.url?.startsWith('/v1/events') === true) {
      response.writeHead(200).write('\n');
      return;
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ clockCorrectionMs: 7 }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  agent = new AgentClient({ host: '127.0.0.1', port }, async (call) => {
    said.push('running');
    try {
      return await call();
    } finally {
      said.push('over');
    }
  });
});

afterEach(async () => {
  agent.close();
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

test('the CPUs run from before a call is sent until its answer is read', async () => {
  const provider = PROVIDERS.get('codex');
  assert.ok(provider);
  await agent.signIn(provider);
  assert.deepEqual(said, ['running', '/v1/sign-in', 'over']);
});

test('an event stream needs them only until it is open', async () => {
  const stop = new AbortController();
  const next = agent.events(stop.signal).next();
  while (!said.includes('over')) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(said, ['running', '/v1/events?after=0', 'over']);
  stop.abort();
  assert.equal((await next).done, true);
});

test('the clock is set while the CPUs are being started: it waits for nobody, and takes up what was closed', async () => {
  const signal = AbortSignal.timeout(10_000);
  assert.equal(await agent.setClock(signal), 7);
  server.closeAllConnections();
  assert.equal(await agent.setClock(signal), 7);
  assert.deepEqual([...new Set(said)], ['/v1/clock']);
});

test('an image goes to the clipboard as it is, and comes from it; what is none is not taken for one', async () => {
  const png = Buffer.from('89504e470d0a1a0a00ff', 'hex');
  let clipboard: Buffer = Buffer.alloc(0);
  const desktop = createServer(async (request, response) => {
    if (request.method === 'PUT') clipboard = Buffer.concat(await request.toArray());
    response.writeHead(request.method === 'PUT' || clipboard.length === 0 ? 204 : 200);
    response.end(request.method === 'PUT' ? undefined : clipboard);
  }).listen(0, '127.0.0.1');
  await once(desktop, 'listening');
  const { port } = desktop.address() as AddressInfo;
  const guest = new AgentClient({ host: '127.0.0.1', port });
  assert.equal(await guest.clipboardImage(), null);
  await guest.setClipboardImage(png);
  assert.deepEqual(clipboard, png);
  assert.deepEqual(await guest.clipboardImage(), png);
  clipboard = Buffer.from('GIF89a');
  await assert.rejects(guest.clipboardImage(), { code: 'agent_bad_answer' });
  clipboard = Buffer.alloc(CLIPBOARD_IMAGE.maxBytes + 1);
  await assert.rejects(guest.clipboardImage(), { code: 'agent_unreachable' });
  guest.close();
  desktop.close();
  desktop.closeAllConnections();
});

test('a clock that cannot be set is given up when its time is over', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  taken.close();
  await once(taken, 'close');
  const nobody = new AgentClient({ host: '127.0.0.1', port });
  await assert.rejects(nobody.setClock(AbortSignal.timeout(200)), { code: 'agent_unreachable' });
});

test('an agent that is slow to answer is asked once, not again and again', async () => {
  let asked = 0;
  const slow = createServer((_, response) => {
    asked += 1;
    setTimeout(() => response.end('{}'), 600);
  }).listen(0, '127.0.0.1');
  await once(slow, 'listening');
  const patient = new AgentClient({ host: '127.0.0.1', port: (slow.address() as AddressInfo).port });
  try {
    // What it answers is no agent's, but it was waited for.
    await assert.rejects(patient.reachable(AbortSignal.timeout(30_000)), { code: 'agent_bad_answer' });
    assert.equal(asked, 1);
  } finally {
    patient.close();
    slow.close();
    slow.closeAllConnections();
  }
});
