import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Driver, Vm } from '../src/drivers/driver.ts';
import { createDriver } from '../src/drivers/index.ts';
import { Resolver } from '../src/resolver/resolver-process.ts';
import { hostLinkOf, hostTableOf, markOf } from '../src/slot/names.ts';
import { RESOLVER_PORT } from '../src/slot/rules.ts';
import { selfTest } from '../src/slot/self-test.ts';
import { createSlot, ownIndexes, removeSlots, type Slot } from '../src/slot/slot.ts';
import { PROBE_UID } from '../src/slot/users.ts';
import { run } from '../src/system/run.ts';
import { tinyGuest } from './tiny-guest/tiny-guest.ts';

const SUBNET = '10.232.0.0/24';
/** Stands for the internet: nobody's, and not among what is forbidden to guests. */
const WORLD = { host: '198.51.100.1', server: '198.51.100.2', nobody: '198.51.100.3', port: 8080 };
const world = `bvm-world-${process.pid}`;

let root: string;
let mark: string;
let driver: Driver;
let resolver: Resolver;
/** Of the resolver. */
const deaths: string[] = [];
let slot: Slot;
let vm: Vm;
let worldServer: ReturnType<typeof spawn>;
let hostServer: Server;

const hostPort = () => (hostServer.address() as { port: number }).port;

async function ask(question: string, limitMs = 30_000): Promise<string> {
  const url = `http://${slot.agent.host}:${slot.agent.port}/cgi-bin/request?${question}`;
  return (await (await fetch(url, { signal: AbortSignal.timeout(limitMs) })).text()).trim();
}

/** A kernel that boots under emulation hangs once in many times; milliseconds until it is taken for one that does. */
const HANGS_AFTER = 90_000;
const BOOTS = 3;

/** Resolves when the guest answers. A connection tried before it is there tries again ever more seldom: better another one. */
async function guestAnswers(): Promise<void> {
  const until = Date.now() + HANGS_AFTER;
  for (;;) {
    const fault = await ask('count', 5000).then(
      () => null,
      (error: Error) => error,
    );
    if (fault === null) return;
    if (Date.now() < until) continue;
    const [hops, tail] = await Promise.all([selfTest(slot), vm.consoleTail(20)]);
    throw new Error(`the guest is silent: ${fault.message}; ${JSON.stringify(hops)}\n${tail.join('\n')}`);
  }
}

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'bvm-slot-'));
  mark = markOf(root);
  const ip = (...argv: string[]) => run('ip', argv, { hop: 'slot' });
  await ip('netns', 'add', world);
  await ip('link', 'add', `bvmw${process.pid}`, 'type', 'veth', 'peer', 'name', 'world0', 'netns', world);
  await ip('address', 'add', `${WORLD.host}/24`, 'dev', `bvmw${process.pid}`);
  await ip('link', 'set', `bvmw${process.pid}`, 'up');
  await ip('-n', world, 'address', 'add', `${WORLD.server}/24`, 'dev', 'world0');
  await ip('-n', world, 'link', 'set', 'world0', 'up');
  const serve = `require('node:net').createServer((s) => s.end('world')).listen(${WORLD.port}, () => console.log('up'))`;
  worldServer = spawn('ip', ['netns', 'exec', world, process.execPath, '-e', serve]);
  await once(worldServer.stdout!, 'data');
  hostServer = createServer((socket) => socket.end('host')).listen(0, '0.0.0.0');
  await once(hostServer, 'listening');

  const guest = await tinyGuest();
  driver = createDriver('qemu', {
    accelerator: 'auto',
    probeCacheFile: join(root, 'accelerator.json'),
    probeUid: PROBE_UID,
    environment: {},
  });
  // An upstream that swallows every question: a route there is, an answer never.
  const upstreams = [WORLD.nobody];
  resolver = new Resolver(
    { records: [{ name: 'known.test', address: WORLD.server }], upstreams },
    {},
    (why) => deaths.push(why),
  );
  slot = await createSlot({ mark, subnet: SUBNET });
  await resolver.listen(slot.link.host);
  for (let boot = 1; ; boot += 1) {
    vm = await driver.boot({
      id: 'slot-test',
      directory: join(root, `vm-${boot}`),
      uid: slot.vmUid,
      gid: slot.vmUid,
      vcpus: 2,
      memoryMb: 192,
      kernel: guest.kernel,
      initrd: guest.initrd,
      commandLine: '',
      drives: [],
      network: slot.network,
      snapshotDirectory: null,
    });
    try {
      await guestAnswers();
      break;
    } catch (error) {
      if (boot === BOOTS) throw error;
      console.error(error);
      await vm.stop();
    }
  }
});

after(async () => {
  await vm?.stop();
  await slot?.remove();
  await resolver?.close();
  await driver?.close();
  hostServer?.close();
  worldServer?.kill('SIGKILL');
  await run('ip', ['netns', 'delete', world], { hop: 'slot' });
  assert.deepEqual(await ownIndexes(mark), []);
  assert.doesNotMatch(await run('nft', ['list', 'tables'], { hop: 'slot' }), new RegExp(mark));
  await rm(root, { recursive: true, force: true });
});

describe('slot', { concurrency: false }, () => {
  test('every hop works, and the self-test names each', async () => {
    const checks = await selfTest(slot);
    assert.deepEqual(
      checks.map(({ name, ok }) => [name, ok]),
      [
        ['TAP', true],
        ['guest on its wire', true],
        ['host to agent', true],
        ['VNC greeting', true],
        ['resolver', true],
        ['egress route', true],
      ],
      JSON.stringify(checks, null, 1),
    );
  });

  test('a guest reaches the internet', async () => {
    assert.equal(await ask(`connect=${WORLD.server}:${WORLD.port}`), 'reached');
  });

  test('a guest reaches neither the host, nor private ranges, nor metadata', async () => {
    const forbidden = [
      `${slot.link.host}:${hostPort()}`,
      `${WORLD.host}:${hostPort()}`,
      `${slot.link.slot}:4100`,
      '192.168.100.1:4100',
      '169.254.169.254:80',
      '10.0.0.1:80',
      '172.16.0.1:80',
      '100.64.0.1:80',
    ];
    for (const target of forbidden) assert.equal(await ask(`connect=${target}`), 'refused', target);
  });

  test('a guest does not reach another guest', async () => {
    const other = await createSlot({ mark, subnet: SUBNET });
    try {
      assert.notEqual(other.index, slot.index);
      assert.equal(await ask(`connect=${other.link.slot}:4100`), 'refused');
    } finally {
      await other.remove();
    }
  });

  test('no other user of the host, and nobody beyond it, reaches agent, VNC or resolver', async () => {
    const argv = ['--reuid', '65534', '--clear-groups', 'bash', '-c', `: < /dev/tcp/${slot.agent.host}/4100`];
    await assert.rejects(run('setpriv', argv, { hop: 'slot' }), /refused/i);
    const outside = ['netns', 'exec', world, 'sh', '-c'];
    await run('ip', [...outside, `ip route add ${SUBNET} via ${WORLD.host}`], { hop: 'slot' });
    const attempt = `timeout 2 bash -c ': < /dev/tcp/${slot.agent.host}/4100'`;
    await assert.rejects(run('ip', [...outside, attempt], { hop: 'slot' }));
    const question = `timeout 2 bash -c ': < /dev/tcp/${slot.link.host}/${RESOLVER_PORT}'`;
    await assert.rejects(run('ip', [...outside, question], { hop: 'slot' }));
  });

  test('known names are answered, and unknown ones are refused rather than left to time out when no upstream answers', async () => {
    const known = await ask('lookup=known.test');
    assert.deepEqual(deaths, []);
    assert.match(known, new RegExp(WORLD.server.replaceAll('.', '\\.')));
    const refused = await ask('lookup=unknown.test');
    assert.match(refused, /SERVFAIL|can't resolve|server can't find/i);
    assert.doesNotMatch(refused, /timed out|no servers could be reached/i);
  });

  test('rules that a killed controller left for a wire are gone when another takes it', async () => {
    const first = await createSlot({ mark, subnet: SUBNET });
    await first.remove();
    const left = hostTableOf(markOf(`${root}-killed`), first.index);
    await run('nft', ['add', 'table', 'ip', left], { hop: 'slot' });
    const next = await createSlot({ mark, subnet: SUBNET });
    const tables = await run('nft', ['list', 'tables', 'ip'], { hop: 'slot' });
    await next.remove();
    assert.equal(next.index, first.index);
    assert.ok(!tables.includes(left), tables);
  });

  test('the self-test stops at the first hop that fails, with its counters', async () => {
    await vm.pause();
    const checks = await selfTest(slot);
    await vm.resume();
    assert.equal(checks.at(-1)?.ok, false);
    assert.equal(checks.at(-1)?.name, 'guest on its wire');
    assert.match(checks.at(-1)?.detail ?? '', /does not answer.*packets/);
  });

  test('the self-test names a monitor that is missing, and a resolver that does not answer', async () => {
    const empty = await createSlot({ mark, subnet: SUBNET });
    const checks = await selfTest(empty);
    await empty.remove();
    assert.deepEqual(
      checks.map(({ name, hop, ok }) => [name, hop, ok]),
      [['TAP', 'slot', false]],
    );
    assert.match(checks[0]?.detail ?? '', /no monitor holds it/);
    await resolver.unlisten(slot.link.host);
    const last = (await selfTest(slot)).at(-1);
    await resolver.listen(slot.link.host);
    assert.deepEqual([last?.name, last?.ok], ['resolver', false]);
    assert.match(last?.detail ?? '', new RegExp(`nothing answers at ${slot.link.host}`));
  });

  test('indexes are read from the host: two controllers never share one, and a new one finds old slots', async () => {
    const foreign = markOf(`${root}-other`);
    const theirs = await createSlot({ mark: foreign, subnet: SUBNET });
    const [ours, another] = await Promise.all([
      createSlot({ mark, subnet: SUBNET }),
      createSlot({ mark, subnet: SUBNET }),
    ]);
    const indexes = [slot.index, theirs.index, ours.index, another.index];
    assert.equal(new Set(indexes).size, 4, indexes.join());
    assert.equal(await removeSlots(foreign), 1);
    const wires = await run('ip', ['-o', 'link', 'show', 'type', 'veth'], { hop: 'slot' });
    assert.ok(wires.includes(`${hostLinkOf(ours.index)}@`), 'only their own went');
    await Promise.all([ours.remove(), another.remove(), ours.remove()]);
    await theirs.remove();
    assert.deepEqual(await ownIndexes(mark), [slot.index]);
  });
});
