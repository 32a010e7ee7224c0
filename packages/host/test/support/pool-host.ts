import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import {
  type Configuration,
  configurationSchema,
  type Host,
  PROVIDERS,
  type SessionVm,
  stateDirectory,
  type VmEvent,
} from '@browser-vm/protocol';
import { createHost } from '../../src/host.ts';
import { markOf } from '../../src/slot/names.ts';

export interface PoolSizes {
  readonly slots: number;
  readonly streamers: number;
  readonly warm: number;
}

type Program = 'monitor' | 'streamer' | 'reader';

const stateDir = stateDirectory(process.env);

/** A host that keeps a pool of that size, and what it runs. */
export class PoolHost {
  readonly host: Host;
  readonly runDir: string;
  readonly #sizes: PoolSizes;
  readonly #sessions: string[] = [];

  private constructor(host: Host, runDir: string, sizes: PoolSizes) {
    this.host = host;
    this.runDir = runDir;
    this.#sizes = sizes;
  }

  static async make(sizes: PoolSizes, source: Configuration['BROWSER_VM_PICTURE_SOURCE']): Promise<PoolHost> {
    const runDir = await mkdtemp(join(tmpdir(), 'bvm-pool-'));
    const host = await createHost({
      configuration: configurationSchema.parse({
        BROWSER_VM_STATE_DIR: stateDir,
        BROWSER_VM_RUN_DIR: runDir,
        BROWSER_VM_SLOT_SUBNET: '10.233.0.0/24',
        BROWSER_VM_POOL_SLOTS: sizes.slots,
        BROWSER_VM_POOL_STREAMERS: sizes.streamers,
        BROWSER_VM_WARM: sizes.warm,
        BROWSER_VM_PICTURE_SOURCE: source,
      }),
      repositoryRoot: join(import.meta.dirname, '../../../..'),
      logger: { info() {}, warn() {} },
    });
    await host.prepare(() => {});
    return new PoolHost(host, runDir, sizes);
  }

  async remove(): Promise<void> {
    await this.host.close();
    for (const sessionId of this.#sessions) await rm(join(stateDir, 'logs', sessionId), { recursive: true });
    await rm(this.runDir, { recursive: true, force: true });
  }

  async start(): Promise<SessionVm> {
    const sessionId = randomUUID();
    this.#sessions.push(sessionId);
    return await this.host.start({ sessionId, provider: PROVIDERS.get('codex')!, iceServers: [] });
  }

  /** Until nothing is taken, and nothing is missing. */
  async full(): Promise<void> {
    const until = performance.now() + 30_000;
    for (;;) {
      const { pool, vms } = await this.host.usage();
      const counted = { slots: pool?.slots, streamers: pool?.streamers, warm: pool?.warm };
      if (vms === 0 && isDeepStrictEqual(counted, this.#sizes)) return;
      assert.ok(performance.now() < until, `the pool stays at ${JSON.stringify(pool)}`);
      await delay(50);
    }
  }

  /** That were started for slots of this host. */
  async processes(): Promise<{ pid: number; program: Program }[]> {
    const found: { pid: number; program: Program }[] = [];
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (!environment.split('\0').includes(`BROWSER_VM_MARK=${markOf(this.runDir)}`)) continue;
      if (line.startsWith('qemu-system')) found.push({ pid: Number(pid), program: 'monitor' });
      else if (line.includes('streamer/src/main.ts')) found.push({ pid: Number(pid), program: 'streamer' });
      else if (line.endsWith('\0picture-reader\0')) found.push({ pid: Number(pid), program: 'reader' });
    }
    return found;
  }

  async kill(program: Program): Promise<void> {
    for (const one of await this.processes()) if (one.program === program) process.kill(one.pid, 'SIGKILL');
  }
}

export async function reach(vm: SessionVm, last: VmEvent['type']): Promise<void> {
  for await (const event of vm.events) {
    assert.notEqual(event.type, 'failed', JSON.stringify(event));
    if (event.type === last) return;
  }
  assert.fail(`no ${last}`);
}

/** Of the template used last. */
export async function templatePicture(): Promise<string> {
  const directory = join(stateDir, 'templates');
  const names = (await readdir(directory)).filter((name) => !name.startsWith('.'));
  const used = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(directory, name, 'template.json'))).mtimeMs })),
  );
  return join(directory, used.sort((one, other) => other.at - one.at)[0]!.name, 'picture.bgrx');
}
