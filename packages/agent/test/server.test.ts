import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import {
  agentHealthSchema,
  CLIPBOARD_IMAGE,
  clockResponseSchema,
  faultSchema,
  identifyResponseSchema,
} from '@browser-vm/protocol';
import { addEntropy } from '../src/identity/kernel.ts';
import { Agent } from '../src/index.ts';
import { routes } from '../src/server/routes.ts';
import { type Guest, startGuest, TOKEN, testOptions } from './support/guest.ts';
import { inOwnNamespaces } from './support/namespace.ts';

const identity = {
  token: TOKEN,
  sessionId: 'session-1',
  unixTimeMs: Date.now() + 5000,
  entropy: Buffer.alloc(32, 7).toString('base64'),
  machineId: '0123456789abcdef0123456789abcdef',
  hostname: 'vm-1',
};

const answer = async (response: Response) => ({
  status: response.status,
  code: faultSchema.parse(await response.json()).code,
});

/** The first that is to be heard there. */
async function heard(port: number): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1');
  try {
    const [data] = (await once(socket, 'data', { signal: AbortSignal.timeout(5000) })) as [Buffer];
    return data;
  } finally {
    socket.destroy();
  }
}

if (inOwnNamespaces(import.meta.filename)) {
  const withGuest = async (work: (guest: Guest) => Promise<void>) => {
    const guest = await startGuest();
    try {
      await work(guest);
    } finally {
      await guest.close();
    }
  };

  test('health names version, stages in order and what the kernel was told', () =>
    withGuest(async (guest) => {
      await guest.event('stage', ({ stage }) => stage === 'agent');
      const health = agentHealthSchema.parse(await (await guest.call('GET', '/v1/health')).json());
      assert.equal(health.agentVersion, 'test');
      assert.equal(health.state, 'booted');
      const times = health.stages.map(({ elapsedMs }) => elapsedMs);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      );
      assert.equal(health.stages.at(-1)?.stage, 'agent');
      assert.ok(health.commandLine.length > 0);
    }));

  test('identify says how far the clock was off, happens once, and closes every door without the token', () =>
    withGuest(async (guest) => {
      const response = await guest.call('POST', '/v1/identify', identity);
      const { clockCorrectionMs } = identifyResponseSchema.parse(await response.json());
      assert.ok(clockCorrectionMs > 0 && clockCorrectionMs <= 5000, String(clockCorrectionMs));
      for (const [method, path] of [
        ['GET', '/v1/health'],
        ['GET', '/v1/events'],
        ['GET', '/v1/credential'],
        ['POST', '/v1/prepare'],
        ['POST', '/v1/identify'],
        ['POST', '/v1/clock'],
        ['POST', '/v1/sign-in'],
        ['GET', '/v1/clipboard/image'],
        ['PUT', '/v1/clipboard/image'],
        ['GET', '/elsewhere'],
      ] as const) {
        for (const token of [null, 'x', `${TOKEN}x`]) {
          const refused = await guest.call(method, path, method === 'GET' ? undefined : {}, token);
          assert.deepEqual(
            await answer(refused),
            { status: 401, code: 'unauthenticated' },
            `${method} ${path}`,
          );
        }
      }
      const again = await guest.call('POST', '/v1/identify', identity);
      assert.deepEqual(await answer(again), { status: 409, code: 'wrong_state' });
    }));

  test('a VM with sound plays to whoever connects, from its identity on', () =>
    withGuest(async (guest) => {
      await assert.rejects(heard(guest.soundPort), { code: 'ECONNREFUSED' });
      await guest.call('POST', '/v1/identify', { ...identity, sound: true });
      const deadline = performance.now() + 20_000;
      let silence: Buffer | null = null;
      while (silence === null) {
        silence = await heard(guest.soundPort).catch(() => null);
        assert.ok(performance.now() < deadline, 'nobody plays');
      }
      assert.ok(silence.every((byte) => byte === 0));
    }));

  test('the clock can be set again and again, by whoever identified the VM', () =>
    withGuest(async (guest) => {
      const behind = () => ({ unixTimeMs: Date.now() + 60_000 });
      const early = await guest.call('POST', '/v1/clock', behind());
      assert.deepEqual(await answer(early), { status: 409, code: 'wrong_state' });
      await guest.call('POST', '/v1/identify', identity);
      for (let time = 0; time < 2; time += 1) {
        const response = await guest.call('POST', '/v1/clock', behind(), TOKEN);
        const { clockCorrectionMs } = clockResponseSchema.parse(await response.json());
        assert.ok(clockCorrectionMs > 0 && clockCorrectionMs <= 60_000, String(clockCorrectionMs));
      }
    }));

  test('a rehearsal needs a prepared desktop and closes no door', () =>
    withGuest(async (guest) => {
      const { token, sessionId, ...rehearsal } = identity;
      const refused = await guest.call('POST', '/v1/rehearse', rehearsal, null);
      assert.deepEqual(await answer(refused), { status: 409, code: 'wrong_state' });
      assert.equal(guest.agent.token, null);
    }));

  test('requests that do not fit are refused by name and change nothing', () =>
    withGuest(async (guest) => {
      const display = { width: 1280, height: 720 };
      const refusals: [string, unknown, number, string][] = [
        ['/v1/prepare', {}, 400, 'invalid_request'],
        ['/v1/prepare', { caCertificates: ['no PEM'], display }, 400, 'invalid_certificate'],
        ['/v1/identify', { ...identity, entropy: 'AAAA' }, 400, 'invalid_request'],
        ['/v1/identify', { ...identity, timezone: '../../etc/passwd' }, 400, 'unknown_timezone'],
        ['/v1/sign-in', { provider: {} }, 400, 'invalid_request'],
        ['/v1/elsewhere', {}, 404, 'unknown_route'],
      ];
      for (const [path, body, status, code] of refusals) {
        assert.deepEqual(await answer(await guest.call('POST', path, body)), { status, code });
      }
      // In process: over a socket the answer may meet a sender that still writes.
      const long = await routes(guest.agent).request('/v1/prepare', {
        method: 'POST',
        body: 'x'.repeat(2_000_000),
      });
      assert.deepEqual(await answer(long), { status: 413, code: 'body_too_large' });
      const image = await routes(guest.agent).request('/v1/clipboard/image', {
        method: 'PUT',
        body: new Uint8Array(CLIPBOARD_IMAGE.maxBytes + 1),
      });
      assert.deepEqual(await answer(image), { status: 413, code: 'body_too_large' });
      const early = await guest.call('GET', '/v1/clipboard/image');
      assert.deepEqual(await answer(early), { status: 409, code: 'wrong_state' });
      assert.equal(guest.agent.health().state, 'booted');
    }));

  test('a connection from any other address than the gateway ends unanswered', async () => {
    const lines: string[] = [];
    const agent = new Agent({ ...testOptions([], (line) => lines.push(line)), allowedPeer: '127.0.0.9' });
    const port = await agent.start();
    await assert.rejects(fetch(`http://127.0.0.1:${port}/v1/health`));
    await agent.close();
    assert.ok(lines.some((line) => line.includes('refused a connection from 127.0.0.1')));
  });

  test('an address in use is an error at start, not a silent agent', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const listen = { address: '127.0.0.1', port };
    const agent = new Agent({ ...testOptions([], () => undefined), listen });
    await assert.rejects(agent.start(), { code: 'EADDRINUSE' });
    other.close();
  });

  test('the kernel takes entropy, credits it and reseeds', () => {
    addEntropy(crypto.getRandomValues(Buffer.alloc(64)));
  });
}
