import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Configuration,
  configurationSchema,
  type Host,
  PROVIDERS,
  type SessionVm,
  stateDirectory,
  type VmEvent,
} from '@browser-vm/protocol';
import { isBlank, RfbClient } from '@browser-vm/rfb';
import { createHost } from '../src/host.ts';
import { markOf } from '../src/slot/names.ts';
import { ownIndexes } from '../src/slot/slot.ts';

const repositoryRoot = join(import.meta.dirname, '../../..');
const stateDir = stateDirectory(process.env);
const silent = { info() {}, warn() {} };
const provider = PROVIDERS.get('codex')!;

let runDir: string;
let host: Host;

function configure(changes: Record<string, unknown> = {}): Configuration {
  return configurationSchema.parse({
    BROWSER_VM_STATE_DIR: stateDir,
    BROWSER_VM_RUN_DIR: runDir,
    BROWSER_VM_SLOT_SUBNET: '10.233.0.0/24',
    // Everything that exists belongs to a session then; the pool has tests of its own.
    BROWSER_VM_POOL_SLOTS: 0,
    BROWSER_VM_POOL_STREAMERS: 0,
    BROWSER_VM_WARM: 0,
    ...changes,
  });
}

const hostWith = (changes: Record<string, unknown>) =>
  createHost({ configuration: configure(changes), repositoryRoot, logger: silent });

const request = () => ({ sessionId: randomUUID(), provider, iceServers: [] });

async function until(vm: SessionVm, last: VmEvent['type']): Promise<VmEvent[]> {
  const events: VmEvent[] = [];
  for await (const event of vm.events) {
    events.push(event);
    if (event.type === last) return events;
    assert.notEqual(event.type, 'failed', JSON.stringify(event));
  }
  return assert.fail(`no ${last}: ${JSON.stringify(events)}`);
}

/** Our own monitors: other controllers may run on this machine. */
async function monitors(): Promise<number[]> {
  const found: number[] = [];
  for (const pid of await readdir('/proc')) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (line.startsWith('qemu-system') && environment.includes(`=${markOf(runDir)}\0`))
      found.push(Number(pid));
  }
  return found;
}

async function assertNothingLeft(): Promise<void> {
  const { vms, slots, streamers } = await host.usage();
  assert.deepEqual({ vms, slots, streamers }, { vms: 0, slots: 0, streamers: 0 });
  assert.deepEqual(await readdir(join(runDir, 'vms')), []);
  assert.deepEqual(await ownIndexes(markOf(runDir)), []);
}

before(async () => {
  runDir = await mkdtemp(join(tmpdir(), 'bvm-host-'));
  host = await hostWith({});
  await host.prepare(() => {});
});

after(async () => {
  await host?.close();
  await rm(runDir, { recursive: true, force: true });
});

describe('host', { concurrency: false, timeout: 600_000 }, () => {
  test('the doctor finds nothing wrong, and names what is', async () => {
    const checks = await host.doctor();
    assert.deepEqual(
      checks.filter(({ ok }) => !ok),
      [],
    );
    const other = await hostWith({ BROWSER_VM_STATE_DIR: join(runDir, 'nothing'), BROWSER_VM_MAX_VMS: 1000 });
    const wrong = (await other.doctor()).filter(({ ok }) => !ok);
    assert.ok(wrong.some(({ name, remedy }) => name === 'image' && remedy !== undefined));
    assert.ok(wrong.some(({ name }) => name === 'slot subnet'));
    await other.close();
  });

  test('refuses before boot what cannot work, with one line and a remedy', async () => {
    const noImage = await hostWith({ BROWSER_VM_STATE_DIR: join(runDir, 'nothing') });
    await assert.rejects(noImage.start(request()), { code: 'image_missing' });
    await noImage.close();
    const small = await hostWith({ BROWSER_VM_MEMORY_MB: 128 });
    await assert.rejects(small.start(request()), (error: { code: string; message: string }) => {
      assert.equal(error.code, 'too_little_memory');
      assert.match(error.message, /128 MB.*needs at least \d+ MB/);
      return true;
    });
    await small.close();
    const large = await hostWith({ BROWSER_VM_MEMORY_MB: 65_536 });
    await assert.rejects(large.start(request()), { code: 'not_enough_memory' });
    await large.close();
  });

  test('a session has a painted desktop, tells its stages in order, and leaves nothing but its logs', async () => {
    const asked = request();
    const vm = await host.start(asked);
    await assert.rejects(vm.signIn(), { code: 'vm_not_ready' });
    const types = (await until(vm, 'desktop_ready')).map(({ type }) => type);
    for (const order of [
      ['slot_taken', 'vm_resumed', 'agent_ready', 'identity_set', 'guest_stage', 'desktop_ready'],
      ['slot_taken', 'streamer_ready'],
    ] as const) {
      assert.deepEqual(
        [...new Set(types)].filter((type) => (order as readonly string[]).includes(type)),
        order,
      );
    }
    const client = await RfbClient.connect(await vm.openVnc('control'));
    assert.equal(isBlank(await client.takePicture({ timeoutMs: 60_000 })), false);
    client.close();
    assert.ok((await vm.consoleTail(5)).length > 0);
    await Promise.all([vm.stop(), vm.stop()]);
    await vm.stop();
    await assertNothingLeft();
    const logs = await readdir(join(stateDir, 'logs', asked.sessionId));
    assert.deepEqual(logs.sort(), ['agent.log', 'console.log', 'qemu.stderr', 'streamer.log']);
    assert.ok((await vm.consoleTail(5)).length > 0, 'the console can be read when the VM is gone');
    await rm(join(stateDir, 'logs', asked.sessionId), { recursive: true });
  });

  test('can be stopped at any moment', async () => {
    for (const delayMs of [0, 10, 40, 80, 150, 300, 500, 800]) {
      const asked = request();
      const vm = await host.start(asked);
      await delay(delayMs);
      await vm.stop();
      await assertNothingLeft();
      await rm(join(stateDir, 'logs', asked.sessionId), { recursive: true });
    }
  });

  test('a VM that dies fails its session once, with the reason and the last console lines', async () => {
    const asked = request();
    const vm = await host.start(asked);
    await until(vm, 'desktop_ready');
    const [pid] = await monitors();
    process.kill(pid!, 'SIGKILL');
    const rest: VmEvent[] = [];
    for await (const event of vm.events) rest.push(event);
    const failed = rest.filter((event) => event.type === 'failed');
    assert.equal(failed.length, 1);
    assert.equal(failed[0]!.fault.code, 'vm_died');
    assert.match(failed[0]!.fault.message, /killed/);
    await assert.rejects(vm.openVnc('control'));
    await vm.stop();
    await assertNothingLeft();
    await rm(join(stateDir, 'logs', asked.sessionId), { recursive: true });
  });

  test('what a killed controller leaves is found and removed by the next one alone', async () => {
    const [alive, killed] = [request(), request()];
    const foreign = await host.start(alive);
    await until(foreign, 'vm_resumed');
    const other = await mkdtemp(join(tmpdir(), 'bvm-killed-'));
    const script = `
      import { createHost } from ${JSON.stringify(join(import.meta.dirname, '../src/host.ts'))};
      import { configurationSchema, PROVIDERS } from '@browser-vm/protocol';
      const configuration = configurationSchema.parse(${JSON.stringify({ ...configure(), BROWSER_VM_RUN_DIR: other })});
      const host = await createHost({ configuration, repositoryRoot: ${JSON.stringify(repositoryRoot)}, logger: { info() {}, warn() {} } });
      await host.prepare(() => {});
      const vm = await host.start({ sessionId: ${JSON.stringify(killed.sessionId)}, provider: PROVIDERS.get('codex'), iceServers: [] });
      for await (const event of vm.events) console.log(event.type);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: child.stdout })) if (line === 'agent_ready') break;
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const next = await createHost({
      configuration: configure({ BROWSER_VM_RUN_DIR: other }),
      repositoryRoot,
      logger: silent,
    });
    const removed = await next.reconcile();
    assert.equal(removed.namespaces, 1);
    assert.equal(removed.directories, 1);
    assert.deepEqual(await ownIndexes(markOf(other)), []);
    assert.equal((await monitors()).length, 1, "the other controller's VM lives");
    assert.deepEqual(await next.reconcile(), { processes: 0, namespaces: 0, directories: 0 });
    await next.close();
    await foreign.stop();
    for (const { sessionId } of [alive, killed])
      await rm(join(stateDir, 'logs', sessionId), { recursive: true });
    await rm(other, { recursive: true, force: true });
    assert.equal(await stat(other).catch(() => null), null);
  });
});
