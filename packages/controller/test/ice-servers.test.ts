import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { configurationSchema, type IceServer, iceServersResponseSchema } from '@browser-vm/protocol';
import { createIceServers } from '../src/signaling/ice-servers.ts';
import { startController } from './support/controller.ts';

const URLS = ['turn:turn.example.org:3478', 'turns:turn.example.org:5349?transport=tcp'];
const SECRET = 'a-secret-shared-with-coturn';

/** Seconds from now until that credential ends. */
function remaining(server: IceServer | undefined): number {
  return Number(server?.username?.split(':')[0]) - Date.now() / 1000;
}

test('each answer holds credentials of its own, which end, for the session that asks and for its streamer', async () => {
  const running = await startController({
    configuration: {
      BROWSER_VM_TURN_URLS: URLS,
      BROWSER_VM_TURN_SECRET: SECRET,
      BROWSER_VM_TURN_TTL_SECONDS: 600,
      BROWSER_VM_ICE_SERVERS: '[{"urls":["stun:stun.example.org"]}]',
    },
  });
  try {
    const { sessionId, viewerToken } = await running.start();
    const ask = async (token?: string) => {
      const init = token === undefined ? {} : { token };
      const response = await running.request('/api/webrtc/ice-servers', init);
      assert.equal(response.headers.get('cache-control'), 'no-store');
      return iceServersResponseSchema.parse(await response.json()).iceServers;
    };
    const [stun, turn] = await ask(viewerToken);
    assert.deepEqual(stun, { urls: ['stun:stun.example.org'] });
    assert.deepEqual(turn?.urls, URLS);
    assert.match(turn?.username ?? '', new RegExp(`^\\d+:viewer-${sessionId}$`));
    assert.equal(
      turn?.credential,
      createHmac('sha1', SECRET)
        .update(turn?.username ?? '')
        .digest('base64'),
    );
    assert.ok(remaining(turn) > 590 && remaining(turn) <= 600, `${remaining(turn)} s remain`);
    assert.match((await ask())[1]?.username ?? '', /^\d+:operator$/);

    const ofStreamer = (await running.host.vmOf(sessionId)).request.iceServers.at(-1);
    assert.match(ofStreamer?.username ?? '', new RegExp(`^\\d+:streamer-${sessionId}$`));
    const session = running.configuration.BROWSER_VM_SESSION_TTL_SECONDS;
    assert.ok(remaining(ofStreamer) > session - 10, 'a viewer may come as long as the session lasts');

    for (const secret of [SECRET, turn?.credential ?? '', ofStreamer?.credential ?? '']) {
      assert.ok(!running.log().includes(secret));
    }
    (await running.host.vmOf(sessionId)).die();
    await running.reaches(sessionId, 'failed');
  } finally {
    await running.close();
  }
});

test('without a secret one is made on first use, for its owner alone', async () => {
  const running = await startController({ configuration: { BROWSER_VM_TURN_URLS: URLS } });
  try {
    const path = `${running.configuration.BROWSER_VM_STATE_DIR}/secrets/turn-secret`;
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const secret = (await readFile(path, 'utf8')).trim();
    const response = await running.request('/api/webrtc/ice-servers');
    const [turn] = iceServersResponseSchema.parse(await response.json()).iceServers;
    assert.equal(
      turn?.credential,
      createHmac('sha1', secret)
        .update(turn?.username ?? '')
        .digest('base64'),
    );
  } finally {
    await running.close();
  }
});

test('what is no address of a TURN server, no range of ports, or no address is refused by name', async () => {
  for (const wrong of ['stun:stun.example.org', 'turn.example.org', 'turn:a b', 'turn:a?transport=sctp']) {
    const configuration = configurationSchema.parse({ BROWSER_VM_TURN_URLS: wrong });
    await assert.rejects(createIceServers(configuration), /BROWSER_VM_TURN_URLS/);
  }
  const refused = (values: object) => configurationSchema.safeParse(values).success === false;
  for (const ports of ['5000', '6000-5000', '0-10', '1-70000']) {
    assert.ok(refused({ BROWSER_VM_UDP_PORTS: ports }), ports);
  }
  assert.ok(refused({ BROWSER_VM_ANNOUNCED_ADDRESSES: 'example.org' }));
  const both = configurationSchema.parse({ BROWSER_VM_ANNOUNCED_ADDRESSES: '192.0.2.7, 2001:db8::7' });
  assert.deepEqual(both.BROWSER_VM_ANNOUNCED_ADDRESSES, ['192.0.2.7', '2001:db8::7']);
});
