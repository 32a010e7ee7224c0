import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  configurationSchema,
  type Host,
  PROVIDERS,
  type SessionVm,
  stateDirectory,
  type VmEvent,
} from '@browser-vm/protocol';
import { RfbClient } from '@browser-vm/rfb';
import { createHost } from '../src/host.ts';
import { markOf } from '../src/slot/names.ts';
import { ownIndexes } from '../src/slot/slot.ts';
import { readTemplate } from '../src/template/template.ts';
import { assertSamePicture, pictureInMemory } from './support/memory-and-vnc.ts';

const stateDir = stateDirectory(process.env);
const FULL = { slots: 3, streamers: 2, warm: 1 };
/** Of monitors, streamers, and readers of a warm VM's picture for one of them. */
const PROCESSES = FULL.streamers + 2 * FULL.warm;
const started: string[] = [];
let runDir: string;
let host: Host;

before(async () => {
  runDir = await mkdtemp(join(tmpdir(), 'bvm-pool-'));
  host = await createHost({
    configuration: configurationSchema.parse({
      BROWSER_VM_STATE_DIR: stateDir,
      BROWSER_VM_RUN_DIR: runDir,
      BROWSER_VM_SLOT_SUBNET: '10.233.0.0/24',
      BROWSER_VM_POOL_SLOTS: FULL.slots,
      BROWSER_VM_POOL_STREAMERS: FULL.streamers,
      BROWSER_VM_WARM: FULL.warm,
      BROWSER_VM_PICTURE_SOURCE: 'auto',
    }),
    repositoryRoot: join(import.meta.dirname, '../../..'),
    logger: { info() {}, warn() {} },
  });
  await host.prepare(() => {});
});

after(async () => {
  await host?.close();
  for (const sessionId of started) await rm(join(stateDir, 'logs', sessionId), { recursive: true });
  await rm(runDir, { recursive: true, force: true });
});

async function start(): Promise<SessionVm> {
  const sessionId = randomUUID();
  started.push(sessionId);
  return await host.start({ sessionId, provider: PROVIDERS.get('codex')!, iceServers: [] });
}

async function reach(vm: SessionVm, last: VmEvent['type']): Promise<void> {
  for await (const event of vm.events) {
    assert.notEqual(event.type, 'failed', JSON.stringify(event));
    if (event.type === last) return;
  }
  assert.fail(`no ${last}`);
}

async function full(): Promise<void> {
  const until = performance.now() + 30_000;
  for (;;) {
    const { pool, vms } = await host.usage();
    const counted = { slots: pool?.slots, streamers: pool?.streamers, warm: pool?.warm };
    if (vms === 0 && isDeepStrictEqual(counted, FULL)) return;
    assert.ok(performance.now() < until, `the pool stays at ${JSON.stringify(pool)}`);
    await delay(50);
  }
}

/** Of the template used last: this host's. */
async function templatePicture(): Promise<string> {
  const directory = join(stateDir, 'templates');
  const names = (await readdir(directory)).filter((name) => !name.startsWith('.'));
  const used = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(directory, name, 'template.json'))).mtimeMs })),
  );
  return join(directory, used.sort((one, other) => other.at - one.at)[0]!.name, 'picture.bgrx');
}

/** Processes that were started for slots of this host. */
async function processes(): Promise<{ pid: number; program: string }[]> {
  const found: { pid: number; program: string }[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!environment.split('\0').includes(`BROWSER_VM_MARK=${markOf(runDir)}`)) continue;
    if (line.startsWith('qemu-system')) found.push({ pid: Number(pid), program: 'monitor' });
    else if (line.includes('streamer/src/main.ts')) found.push({ pid: Number(pid), program: 'streamer' });
    else if (line.endsWith('\0picture-reader\0')) found.push({ pid: Number(pid), program: 'reader' });
  }
  return found;
}

test('what waits is counted, each start takes its own, and what was taken is made again', async () => {
  await full();
  assert.equal((await host.usage()).slots, FULL.slots);
  const vms = await Promise.all([start(), start(), start(), start()]);
  assert.equal(new Set(vms.map(({ vmId }) => vmId)).size, 4);
  await Promise.all(vms.map((vm) => reach(vm, 'desktop_ready')));
  await Promise.all(vms.map((vm) => vm.stop()));
  await full();
  assert.equal((await host.usage()).slots, FULL.slots);
  assert.equal((await ownIndexes(markOf(runDir))).length, FULL.slots);
  assert.equal((await processes()).length, PROCESSES);
});

const DEATHS = {
  monitor: 'a monitor that died while it waited is not handed out',
  streamer: 'a streamer that died while it waited is not handed out',
  reader: 'a VM whose reader died while it waited has its picture by VNC, and the next one has a reader',
};
for (const [program, name] of Object.entries(DEATHS)) {
  test(name, async () => {
    await full();
    for (const one of await processes()) if (one.program === program) process.kill(one.pid, 'SIGKILL');
    const vm = await start();
    await reach(vm, 'desktop_ready');
    await vm.stop();
    await full();
    assert.equal((await processes()).length, PROCESSES);
  });
}

test('a VM that rehearsed shows what the template shows, in memory as by VNC, and nobody is in it yet', async () => {
  await full();
  const [monitor] = (await processes()).filter(({ program }) => program === 'monitor');
  const vm = await start();
  await reach(vm, 'desktop_ready');
  assert.ok((await processes()).some(({ pid }) => pid === monitor?.pid));
  const client = await RfbClient.connect(await vm.openVnc('control'));
  const { pixels } = await client.takePicture();
  assert.ok(pixels.equals(await readFile(await templatePicture())), 'the picture is another');
  const key = (await host.usage()).template.current?.key ?? '';
  const template = (await readTemplate(stateDir, key))?.manifest ?? assert.fail(`no template ${key}`);
  client.pointer(640, 180, 0);
  const released = await assertSamePicture(client, monitor!.pid, template);
  client.pointer(640, 180, 1);
  for (
    const until = AbortSignal.timeout(30_000);
    released.equals(await pictureInMemory(monitor!.pid, template));
  ) {
    assert.ok(!until.aborted, 'a pressed button changes the picture in memory');
    await client.takePicture({ timeoutMs: 30_000 });
  }
  await assertSamePicture(client, monitor!.pid, template);
  client.close();
  await vm.stop();
});

test('a start in the middle of a refill is served, at whatever it was', async () => {
  await full();
  for (const afterMs of [600, 1200, 2400]) {
    const first = await start();
    await reach(first, 'desktop_ready');
    await delay(afterMs);
    const second = await start();
    await reach(second, 'desktop_ready');
    await Promise.all([first.stop(), second.stop()]);
  }
});

test('reconciling leaves what waits alone', async () => {
  await full();
  assert.deepEqual(await host.reconcile(), { processes: 0, namespaces: 0, directories: 0 });
  const vm = await start();
  await reach(vm, 'desktop_ready');
  await vm.stop();
});

test('closing leaves nothing, also in the middle of a refill', async () => {
  const vm = await start();
  await reach(vm, 'desktop_ready');
  await delay(600);
  await host.close();
  assert.deepEqual(await ownIndexes(markOf(runDir)), []);
  assert.deepEqual(await processes(), []);
  assert.deepEqual(await readdir(join(runDir, 'vms')), []);
});
