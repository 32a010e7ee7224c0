import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type BrowserVmError,
  configurationSchema,
  type Host,
  PROVIDERS,
  type SessionVm,
  stateDirectory,
} from '@browser-vm/protocol';
import { createHost } from '../src/host.ts';
import { groupPrefixOf, markOf } from '../src/slot/names.ts';

const stateDir = stateDirectory(process.env);
let runDir: string;
let host: Host;

before(async () => {
  runDir = await mkdtemp(join(tmpdir(), 'bvm-admission-'));
  host = await createHost({
    configuration: configurationSchema.parse({
      BROWSER_VM_STATE_DIR: stateDir,
      BROWSER_VM_RUN_DIR: runDir,
      BROWSER_VM_SLOT_SUBNET: '10.234.0.0/24',
      BROWSER_VM_MAX_VMS: 1,
      BROWSER_VM_QUEUE_SECONDS: 120,
    }),
    repositoryRoot: join(import.meta.dirname, '../../..'),
    logger: { info() {}, warn() {} },
  });
  await host.prepare(() => {});
});

after(async () => {
  await host?.close();
  await rm(runDir, { recursive: true, force: true });
});

async function desktop(vm: SessionVm): Promise<void> {
  for await (const event of vm.events) {
    assert.notEqual(event.type, 'failed', JSON.stringify(event));
    if (event.type === 'desktop_ready') return;
  }
}

/** Memory groups of this host's processes, by name, with their limits. */
async function groups(): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const roots = { '/sys/fs/cgroup': 'memory.max', '/sys/fs/cgroup/memory': 'memory.limit_in_bytes' };
  for (const [root, limit] of Object.entries(roots)) {
    for (const name of await readdir(root).catch(() => [])) {
      if (name.startsWith(groupPrefixOf(markOf(runDir)))) {
        found.set(name, Number(await readFile(join(root, name, limit), 'utf8').catch(() => 0)));
      }
    }
  }
  return found;
}

const memoryOf = (all: Map<string, number>) => [...all].filter(([name]) => name.endsWith('-monitor'));

test('a host that runs as many VMs as it may says so, and starts the next when one is gone', {
  timeout: 300_000,
}, async () => {
  const sessions: string[] = [];
  const request = () => {
    const sessionId = randomUUID();
    sessions.push(sessionId);
    return { sessionId, provider: PROVIDERS.get('codex')!, iceServers: [] };
  };
  const { place, waiting } = await host.admit();
  assert.equal(waiting, null);
  const expectedMb = (await host.usage()).capacity.perVmMb;
  const first = await host.start({ ...request(), place: await place });
  await desktop(first);
  await assert.rejects(host.start(request()), (error: BrowserVmError) => {
    assert.equal(error.code, 'host_full');
    assert.equal(error.status, 503);
    assert.equal(error.fault.details?.reason, 'count');
    assert.ok(Number(error.fault.details?.retryAfterSeconds) > 0);
    return true;
  });

  const limited = memoryOf(await groups());
  if ((await readdir('/sys/fs/cgroup')).some((name) => name === 'memory')) {
    assert.ok(limited.length >= 1, 'the monitor has a memory group of its own');
  }
  for (const [, bytes] of limited) assert.equal(bytes, (1024 + 384) * 1024 * 1024);

  // What it takes is measured, and soon known better than at first.
  const settled = performance.now() + 60_000;
  let { capacity } = await host.usage();
  while (performance.now() < settled && (capacity.vmsMb === 0 || capacity.perVmMb === expectedMb)) {
    await delay(500);
    ({ capacity } = await host.usage());
  }
  assert.ok(capacity.vmsMb > 20 && capacity.vmsMb < 600, `${capacity.vmsMb} MiB`);
  assert.notEqual(capacity.perVmMb, expectedMb);
  const { perVmMb, vmsMb } = capacity;
  assert.ok(perVmMb >= vmsMb && perVmMb < 1200, `${perVmMb} MiB expected of the next, ${vmsMb} MiB taken`);
  assert.deepEqual(capacity.full?.reason, 'count');

  const queued = await host.admit();
  assert.equal(queued.waiting?.reason, 'count');
  await first.stop();
  const second = await host.start({ ...request(), place: await queued.place });
  await desktop(second);
  await second.stop();
  await host.close();
  assert.deepEqual(memoryOf(await groups()), []);
  for (const sessionId of sessions)
    await rm(join(stateDir, 'logs', sessionId), { recursive: true, force: true });
});
