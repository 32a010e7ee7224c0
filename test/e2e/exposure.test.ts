import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { GUEST } from '@browser-vm/protocol';
import { INTERNET, WORLD } from '../world/addresses.ts';
import { Api } from './support/api.ts';
import { ControllerProcess } from './support/controller-process.ts';
import { startWorld, type TestWorld } from './support/test-world.ts';

const run = promisify(execFile);

let world: TestWorld;
let controller: ControllerProcess;
let sessionId: string;
let mountsBefore: readonly string[];

before(async () => {
  world = await startWorld();
  mountsBefore = await mounts();
  controller = await ControllerProcess.start(world.environment);
  const api = await Api.of(controller);
  sessionId = await api.start('watched', 'codex');
  assert.equal((await api.waitFor(sessionId, ['signing_in'])).status, 'signing_in');
});

after(async () => {
  await controller?.remove();
  await world?.close();
});

/** Mount points of this machine. */
async function mounts(): Promise<string[]> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).trimEnd().split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '');
}

/** Local addresses on which something waits for TCP connections, with their ports. */
async function listeners(): Promise<string[]> {
  const { stdout } = await run('ss', ['-H', '-n', '-t', '-l']);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[3] ?? '');
}

test('with a session running, nothing waits for connections but on loopback, and the resolver on the wires of slots', async () => {
  const found = await listeners();
  assert.ok(found.includes(`127.0.0.1:${new URL(controller.url).port}`), found.join());
  const others = found.filter((address) => !/^(127\.0\.0\.1|\[::1\]):\d+$/.test(address));
  assert.ok(others.length > 0);
  for (const address of others) assert.match(address, /^10\.231\.\d+\.\d+:5300$/);
});

test('from the internet neither the controller nor a resolver nor a guest is reached, even with a route', async () => {
  const internet = process.env.BROWSER_VM_TEST_INTERNET ?? '';
  await run('ip', ['-n', internet, 'route', 'add', '10.231.0.0/16', 'via', WORLD.address]);
  const reached = async (address: string, port: number | string) => {
    const attempt = ['timeout', '2', 'bash', '-c', `: < /dev/tcp/${address}/${port}`];
    return await run('ip', ['netns', 'exec', internet, ...attempt]).then(
      () => true,
      () => false,
    );
  };
  assert.equal(await reached(INTERNET.address, 443), true, 'the attempt itself works');
  for (const port of [new URL(controller.url).port, GUEST.agentPort, GUEST.vncPort]) {
    assert.equal(await reached(WORLD.address, port), false, `port ${port}`);
  }
  const wires = (await listeners()).filter((address) => address.startsWith('10.231.'));
  for (const wire of wires) {
    const [address = '', port = ''] = wire.split(':');
    assert.equal(await reached(address, port), false, `the resolver at ${wire}`);
    const slot = `10.231.${address.split('.')[2]}.${Number(address.split('.')[3]) + 1}`;
    for (const ofGuest of [GUEST.agentPort, GUEST.vncPort])
      assert.equal(await reached(slot, ofGuest), false, `port ${ofGuest} of slot ${slot}`);
  }
});

test('with a session running, nothing is mounted on the host but the name of its network', async () => {
  const added = (await mounts()).filter((place) => !mountsBefore.includes(place));
  assert.deepEqual(
    added.filter((place) => !place.startsWith('/run/netns')),
    [],
  );
});
