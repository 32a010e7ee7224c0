import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import {
  faultSchema,
  SESSION_OVER_CODE,
  type SessionEvent,
  type SessionWait,
  type StreamedEvent,
  startResponseSchema,
  streamedEventSchema,
  type ViewerCandidate,
  VNC_PROTOCOLS,
  viewerResponseSchema,
} from '@browser-vm/protocol';
import { WebSocket } from 'ws';
import { closeReason } from '../src/gateways/vnc/close-codes.ts';
import { type Running, startController } from './support/controller.ts';
import { fault, type ScriptedVm } from './support/scripted-host.ts';

const VIEWER = '6f1e9b6c-4d0a-4f0e-8b1a-0d4f7f3f2a10';

let running: Running;
before(async () => {
  running = await startController();
});
after(async () => {
  await running.close();
  assert.equal(running.host.leaked, 0);
});

async function begin(): Promise<{ sessionId: string; viewerToken: string; vm: ScriptedVm }> {
  const { sessionId, viewerToken } = await running.start();
  return { sessionId, viewerToken, vm: await running.host.vmOf(sessionId) };
}

function post(path: string, body: unknown): Promise<Response> {
  return running.request(path, { method: 'POST', body: JSON.stringify(body) });
}

interface Frame {
  readonly name: string;
  readonly id: number | null;
  readonly data: SessionEvent & ViewerCandidate & { wait: SessionWait | null; hasImage: boolean };
}

/** Frames of an event stream as they arrive. */
async function* frames(
  sessionId: string,
  lastEventId?: number,
  from = running,
  token?: string,
): AsyncGenerator<Frame> {
  const headers = {
    ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const response = await from.request(`/api/auth/session/${sessionId}/events`, { headers });
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const frame = text.slice(0, end);
      text = text.slice(end + 2);
      const data = /^data: (.*)$/m.exec(frame)?.[1];
      if (data === undefined) continue;
      const id = /^id: (\d+)$/m.exec(frame)?.[1];
      yield {
        name: /^event: (.*)$/m.exec(frame)?.[1] ?? '',
        id: id === undefined ? null : Number(id),
        data: JSON.parse(data),
      };
    }
  }
}

describe('the event stream', () => {
  test('is pushed as things happen, without gaps, and ends when the VM is gone', async () => {
    const { sessionId, vm } = await begin();
    const sequence: number[] = [];
    for await (const { name, id, data } of frames(sessionId)) {
      if (name !== 'session') continue;
      sequence.push(id ?? 0);
      if (data.sequence === 1) vm.becomeReady();
      const { event } = data;
      if (event.type === 'state' && event.state === 'ready') {
        vm.push({ type: 'failed', fault: fault('over'), consoleTail: [] });
      }
    }
    assert.deepEqual(
      sequence,
      sequence.map((_, index) => index + 1),
    );
    assert.equal(sequence.length, 10);

    const resumed: (number | null)[] = [];
    for await (const { name, id } of frames(sessionId, 8)) if (name === 'session') resumed.push(id);
    assert.deepEqual(resumed, [9, 10]);
    const path = `/api/auth/session/${sessionId}/events`;
    const rest = await running.request(path, { headers: { 'last-event-id': '10' } });
    assert.equal(rest.status, 204, 'an EventSource must stop');
  });

  test('comes by WebSocket as well, from where it is asked for, and ends with a code that says that all came', async () => {
    const { sessionId, viewerToken, vm } = await begin();
    const open = (after: number, token = viewerToken) =>
      new WebSocket(
        `${running.url.replace('http', 'ws')}/api/auth/session/${sessionId}/events?after=${after}`,
        {
          headers: { authorization: `Bearer ${token}` },
        },
      );
    const [refused] = await once(open(0, 'wrong'), 'error');
    assert.match(String(refused), /401/);
    const hear = async (socket: WebSocket) => {
      const heard: StreamedEvent[] = [];
      socket.on('message', (text) => {
        const event = streamedEventSchema.parse(JSON.parse(String(text)));
        heard.push(event);
        if (event.id === 1) vm.becomeReady();
        if (event.id === 7) vm.push({ type: 'failed', fault: fault('over'), consoleTail: [] });
      });
      const [code] = await once(socket, 'close');
      return { heard, code, ids: heard.flatMap(({ id }) => id ?? []) };
    };
    const { heard, code, ids } = await hear(open(0));
    assert.deepEqual(heard[0], { event: 'wait', data: { wait: null } });
    assert.deepEqual(
      ids,
      ids.map((_, index) => index + 1),
    );
    assert.deepEqual([ids.length, code], [10, SESSION_OVER_CODE]);
    assert.deepEqual((await hear(open(8))).ids, [9, 10]);
  });

  test('tells who may act that an image was copied, and nobody of a session without clipboard', async () => {
    const { sessionId, vm } = await begin();
    const { viewerToken } = viewerResponseSchema.parse(
      await (await post(`/api/auth/session/${sessionId}/viewers`, { mode: 'view' })).json(),
    );
    const without = await running.request('/api/auth/start', {
      method: 'POST',
      body: JSON.stringify({ userId: 'user', provider: 'codex', clipboard: false }),
    });
    const other = startResponseSchema.parse(await without.json()).sessionId;
    const told = async (id: string, token?: string) => {
      const heard: boolean[] = [];
      const live = await running.host.vmOf(id);
      for await (const { name, data } of frames(id, undefined, running, token)) {
        if (name === 'clipboard') heard.push(data.hasImage);
        if (name !== 'session') continue;
        if (data.sequence === 1) live.push({ type: 'clipboard', hasImage: true }, { type: 'slot_taken' });
        if (data.event.type === 'stage') break;
      }
      return heard;
    };
    assert.deepEqual(await told(sessionId), [false, true]);
    assert.deepEqual(await told(sessionId), [true], 'whoever asks later hears it, too');
    assert.deepEqual(await told(sessionId, viewerToken), []);
    assert.deepEqual(await told(other), [false]);
    vm.die();
    (await running.host.vmOf(other)).die();
    await Promise.all([running.reaches(sessionId, 'failed'), running.reaches(other, 'failed')]);
  });

  test('tells who waits its place, again whenever that changes and no more often, and when its turn comes', async () => {
    const full = await startController();
    Object.assign(full.host, { places: 1, queues: true });
    const cancel = (sessionId = '') =>
      full.request(`/api/auth/session/${sessionId}/cancel`, { method: 'POST' });
    try {
      const ids: string[] = [];
      for (const user of ['a', 'b', 'c']) ids.push((await full.start(user)).sessionId);
      const [first, second, third = ''] = ids;
      const places: (number | null)[] = [];
      for await (const { name, data } of frames(third, undefined, full)) {
        if (name === 'session' && data.event.type === 'stage') break;
        if (name !== 'wait') continue;
        places.push(data.wait?.ahead ?? null);
        if (data.wait?.ahead === 1) {
          assert.deepEqual([data.wait.reason, data.wait.expectedSeconds], ['count', 14]);
          await cancel(second);
        } else if (data.wait?.ahead === 0) {
          await cancel(first);
          (await full.host.vmOf(third)).becomeReady();
        }
      }
      assert.deepEqual(places, [1, 0, null]);
      for await (const { name, data } of frames(third, undefined, full)) {
        if (name !== 'wait') continue;
        assert.equal(data.wait, null, 'whoever asks later hears that there is nothing to wait for');
        break;
      }
    } finally {
      await full.close();
    }
    assert.equal(full.host.leaked, 0);
  });

  test('says that it is there while nothing happens', async () => {
    const { sessionId, vm } = await begin();
    for await (const { name } of frames(sessionId)) if (name === 'heartbeat') break;
    vm.die();
    await running.reaches(sessionId, 'failed');
  });

  test('carries the candidates of the streamer, also those from before it was opened', async () => {
    const { sessionId, vm } = await begin();
    const candidate = (text: string) => ({
      candidate: text,
      sdpMid: '0',
      sdpMLineIndex: 0,
      usernameFragment: null,
    });
    vm.push({ type: 'candidate', viewerId: VIEWER, candidate: candidate('before any offer') });
    await vm.consumed();
    await post(`/api/webrtc/session/${sessionId}/offer`, { viewerId: VIEWER, sdp: 'v=0' });
    vm.push({ type: 'candidate', viewerId: VIEWER, candidate: candidate('early') });
    vm.push({ type: 'slot_taken' });
    const seen: string[] = [];
    for await (const { name, data } of frames(sessionId)) {
      if (name === 'session' && data.event.type === 'stage') {
        vm.push({ type: 'candidate', viewerId: VIEWER, candidate: candidate('late') });
      }
      if (name !== 'candidate') continue;
      assert.equal(data.viewerId, VIEWER);
      seen.push(data.candidate.candidate);
      if (seen.includes('late')) break;
    }
    assert.deepEqual(seen, ['early', 'late']);
    vm.die();
    await running.reaches(sessionId, 'failed');
  });
});

describe('signaling', () => {
  test('one request offers and answers, and candidates may come before the offer', async () => {
    const { sessionId, vm } = await begin();
    const base = `/api/webrtc/session/${sessionId}`;
    const unknown = await running.request(`${base}/answer?viewerId=${VIEWER}`);
    assert.equal(unknown.status, 404);
    assert.equal(faultSchema.parse(await unknown.json()).code, 'unknown_viewer');
    const early = await post(`${base}/candidates`, { viewerId: VIEWER, candidate: { candidate: 'first' } });
    assert.equal(early.status, 204);
    assert.deepEqual(vm.candidates, []);
    const answer = await post(`${base}/offer`, { viewerId: VIEWER, sdp: 'v=0' });
    assert.deepEqual(await answer.json(), { viewerId: VIEWER, sdp: 'answer to v=0' });
    await post(`${base}/candidates`, { viewerId: VIEWER, candidate: { candidate: 'second' } });
    assert.deepEqual(
      vm.candidates.map(({ candidate }) => candidate),
      ['first', 'second'],
    );
    const again = await running.request(`${base}/answer?viewerId=${VIEWER}`);
    assert.deepEqual(await again.json(), { viewerId: VIEWER, sdp: 'answer to v=0' });
    vm.push({ type: 'viewer', viewerId: VIEWER, state: 'connected' });
    for await (const { data } of frames(sessionId)) {
      if (data.event?.type === 'stage' && data.event.stage === 'viewer_connected') break;
    }
    vm.die();
    await running.reaches(sessionId, 'failed');
  });

  test('an SDP beyond the bound is refused', async () => {
    const { sessionId, vm } = await begin();
    const path = `/api/webrtc/session/${sessionId}/offer`;
    assert.equal((await post(path, { viewerId: VIEWER, sdp: 'x'.repeat(65_537) })).status, 400);
    assert.equal((await post(path, { viewerId: VIEWER, sdp: 'x'.repeat(300_000) })).status, 413);
    vm.die();
    await running.reaches(sessionId, 'failed');
  });
});

interface Closed {
  readonly code: number;
  readonly reason: string;
}

function connect(
  sessionId: string,
  token: string,
  options: { headers?: Record<string, string> } = {},
  spoken: readonly string[] = ['binary'],
): { socket: WebSocket; open: Promise<void>; closed: Promise<Closed>; refused: Promise<number | undefined> } {
  const protocols = [...spoken, `bearer.${token}`];
  const socket = new WebSocket(`${running.url}/api/vnc/session/${sessionId}`, protocols, options);
  socket.on('error', () => {});
  return {
    socket,
    open: new Promise((resolve) => socket.once('open', () => resolve())),
    closed: new Promise((resolve) =>
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    ),
    refused: new Promise((resolve) =>
      socket.once('unexpected-response', (_request, response) => {
        resolve(response.statusCode);
        socket.terminate();
      }),
    ),
  };
}

describe('the VNC gateway', () => {
  test('carries bytes both ways, in order and whole, to a token that is never echoed', async () => {
    const { sessionId, viewerToken, vm } = await begin();
    const { socket, open, closed } = connect(sessionId, viewerToken);
    const received: Buffer[] = [];
    let length = 0;
    const whole = Promise.withResolvers<void>();
    const size = 8 * 1024 * 1024;
    socket.on('message', (data: Buffer) => {
      received.push(data);
      length += data.length;
      if (length >= size) whole.resolve();
    });
    await open;
    assert.equal(socket.protocol, 'binary');
    // Sent before the guest's side is known to be there.
    socket.send(Buffer.from('RFB 003.008\n'));
    while (vm.vnc.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const guest = vm.vnc[0]!;
    const [hello] = await once(guest, 'data');
    assert.equal(String(hello), 'RFB 003.008\n');
    const picture = Buffer.alloc(size, 'pixels and more pixels, ');
    guest.write(picture);
    await whole.promise;
    assert.ok(Buffer.concat(received).equals(picture));

    socket.close();
    await Promise.all([closed, once(guest, 'close')]);
    vm.die();
    await running.reaches(sessionId, 'failed');
  });

  test('closes with a code and a reason that name the hop', async () => {
    const { sessionId, viewerToken, vm } = await begin();
    vm.vncFault = { code: 'vnc_refused', message: 'port 5900 refused', hop: 'slot' };
    assert.deepEqual(await connect(sessionId, viewerToken).closed, {
      code: 4502,
      reason: 'slot: port 5900 refused',
    });
    vm.vncFault = null;

    const dropped = connect(sessionId, viewerToken);
    while (vm.vnc.length < 1) await new Promise((resolve) => setImmediate(resolve));
    vm.vnc[0]!.end();
    assert.deepEqual(await dropped.closed, {
      code: 4502,
      reason: 'display: the VNC server closed the connection',
    });

    const text = connect(sessionId, viewerToken);
    await text.open;
    text.socket.send('text');
    assert.equal((await text.closed).code, 1003);

    const watching = connect(sessionId, viewerToken);
    while (vm.vnc.length < 3) await new Promise((resolve) => setImmediate(resolve));
    await running.request(`/api/auth/session/${sessionId}/cancel`, { method: 'POST' });
    assert.deepEqual(await watching.closed, { code: 4410, reason: 'request: the session is cancelled' });
    const late = await connect(sessionId, viewerToken).closed;
    assert.equal(late.code, 4410);
    assert.match(late.reason, /^request: .*cancelled/);
  });

  test('tells who is in control, and lets through what it sends only while it is', async () => {
    const { sessionId, viewerToken, vm } = await begin();
    const { socket, open } = connect(sessionId, viewerToken, {}, ['binary', VNC_PROTOCOLS.control]);
    const told: unknown[] = [];
    const heard = new EventTarget();
    socket.on('message', (data, isBinary) => {
      if (isBinary) return;
      told.push(JSON.parse(String(data)));
      heard.dispatchEvent(new Event('told'));
    });
    const holder = async (wanted: string): Promise<void> => {
      while ((told.at(-1) as { holder?: string } | undefined)?.holder !== wanted)
        await once(heard, 'told', { signal: AbortSignal.timeout(20_000) });
    };
    await open;
    assert.equal(socket.protocol, VNC_PROTOCOLS.control);
    await holder('nobody');
    const guest = vm.vnc[0]!;
    const key = Buffer.from([4, 1, 0, 0, 0, 0, 0, 97]);
    const request = Buffer.from([3, 1, 0, 0, 0, 0, 5, 0, 2, 208]);
    const hello = Buffer.concat([Buffer.from('RFB 003.008\n'), Buffer.from([1, 1])]);
    socket.send(Buffer.concat([hello, key, request]));
    const received: number[] = [];
    const arrived = async (bytes: Buffer): Promise<void> => {
      while (received.length < bytes.length)
        await once(heard, 'data', { signal: AbortSignal.timeout(20_000) });
      assert.deepEqual(Buffer.from(received.splice(0)), bytes);
    };
    guest.on('data', (data: Buffer) => {
      received.push(...data);
      heard.dispatchEvent(new Event('data'));
    });
    await arrived(Buffer.concat([hello, request]));
    socket.send('{"type":"take_control"}');
    await holder('you');
    assert.deepEqual(told.at(-1), {
      type: 'control',
      holder: 'you',
      mode: 'control',
      viewers: 1,
      clipboard: true,
    });
    socket.send(key);
    await arrived(key);
    vm.control('other');
    await arrived(Buffer.from([4, 0, 0, 0, 0, 0, 0, 97]));
    socket.close();
    await once(guest, 'close');
    vm.die();
    await running.reaches(sessionId, 'failed');
  });

  test('refuses a token of another session and a page of another origin before the upgrade', async () => {
    const [mine, other] = [await begin(), await begin()];
    assert.equal(await connect(mine.sessionId, other.viewerToken).refused, 403);
    const foreign = { headers: { origin: 'https://evil.example' } };
    assert.equal(await connect(mine.sessionId, mine.viewerToken, foreign).refused, 403);
    const plain = await running.request(`/api/vnc/session/${mine.sessionId}`);
    assert.equal(plain.status, 426);
    for (const { sessionId, vm } of [mine, other]) {
      vm.die();
      await running.reaches(sessionId, 'failed');
    }
  });

  test('a reason fits into a close frame, whatever the guest put into it', () => {
    const reason = closeReason('display', 'ü'.repeat(200));
    assert.ok(Buffer.byteLength(reason) <= 123);
    assert.match(reason, /^display: ü+$/);
  });
});
