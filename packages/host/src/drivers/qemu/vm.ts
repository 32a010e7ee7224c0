import type { ChildProcess } from 'node:child_process';
import { copyFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { BrowserVmError } from '@browser-vm/protocol';
import type { MemoryGroup } from '../../system/cgroup.ts';
import { tail } from '../../system/tail.ts';
import type { GuestMemory, StopOptions, Vm, VmExit, VmExitReason, VmState } from '../driver.ts';
import { guestMemory } from './guest-memory.ts';
import type { Monitor } from './monitor.ts';
import { Qmp, type QmpEvent } from './qmp.ts';
import { type SnapshotTarget, saveState, takeOverMemory } from './snapshot.ts';

/** Lines of console and monitor log kept with an exit. */
const TAIL_LINES = 100;

export const CONSOLE_FILE = 'console.log';
export const MONITOR_LOG = 'qemu.stderr';

/** One QEMU process, from start to removal of its directory. */
export class QemuVm implements Vm, Monitor {
  readonly id: string;
  readonly pid: number;
  readonly commandLine: string;
  readonly consoleFile: string;
  readonly exited: Promise<VmExit>;
  readonly #directory: string;
  readonly #memoryMb: number;
  readonly #process: ChildProcess;
  readonly #snapshotTarget: SnapshotTarget | null;
  readonly #group: Promise<MemoryGroup | null>;
  readonly #events = new Set<(event: QmpEvent) => void>();
  #qmp: Qmp | null = null;
  #state: VmState = 'paused';
  #stopping: Promise<void> | null = null;
  #guestEnded: VmExitReason | null = null;

  constructor(
    child: ChildProcess,
    options: {
      readonly id: string;
      readonly pid: number;
      readonly directory: string;
      readonly commandLine: string;
      readonly memoryMb: number;
      readonly snapshotTarget: SnapshotTarget | null;
      /** Bounds what the monitor takes; null where the kernel's limits are not ours to set. */
      readonly group: Promise<MemoryGroup | null>;
    },
  ) {
    this.id = options.id;
    this.pid = options.pid;
    this.commandLine = options.commandLine;
    this.consoleFile = join(options.directory, CONSOLE_FILE);
    this.#directory = options.directory;
    this.#memoryMb = options.memoryMb;
    this.#process = child;
    this.#snapshotTarget = options.snapshotTarget;
    this.#group = options.group;
    this.exited = this.#exit();
  }

  get state(): VmState {
    return this.#state;
  }

  /** Resolves when QEMU answers; rejects with what it said when it ended instead. */
  async connect(): Promise<void> {
    const stream = this.#process.stdio[3] as Duplex;
    // A monitor that never started closes its end without a word.
    void this.exited.then(() => stream.destroy());
    try {
      this.#qmp = await Qmp.connect(stream, (event) => this.#event(event));
    } catch (error) {
      if (this.#process.exitCode === null && this.#process.signalCode === null && this.#stopping === null) {
        this.#kill();
      }
      const exit = await this.exited;
      throw new BrowserVmError(
        {
          code: 'monitor_failed',
          message: `QEMU did not start: ${lastWords(exit) ?? (error as Error).message}`,
          hop: 'driver',
          details: { monitorTail: exit.monitorTail },
        },
        { cause: error },
      );
    }
  }

  /** For the driver: commands beyond the contract. */
  async command(name: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.#qmp === null) throw this.#gone(name);
    try {
      return await this.#qmp.execute(name, args);
    } catch (error) {
      if (error instanceof BrowserVmError && error.code === 'qmp_closed') throw this.#gone(name, error);
      throw error;
    }
  }

  /** For the driver: resolves with the first event that satisfies; rejects when the monitor ends before. */
  async event(satisfies: (event: QmpEvent) => boolean): Promise<QmpEvent> {
    const { promise, resolve, reject } = Promise.withResolvers<QmpEvent>();
    const listen = (event: QmpEvent) => {
      if (satisfies(event)) resolve(event);
    };
    this.#events.add(listen);
    this.exited.then(() => reject(this.#gone('waiting')));
    try {
      return await promise;
    } finally {
      this.#events.delete(listen);
    }
  }

  started(state: 'running' | 'paused'): void {
    if (this.#state !== 'stopped') this.#state = state;
  }

  async ping(): Promise<void> {
    await this.command('query-status');
  }

  async pause(): Promise<void> {
    if (this.#state === 'paused' || this.#state === 'frozen') return;
    await this.command('stop');
    this.started('paused');
  }

  async resume(): Promise<void> {
    if (this.#state === 'running') return;
    if (this.#state === 'frozen') {
      throw refused('vm_frozen', `VM ${this.id} gave its memory to a snapshot and cannot run again`);
    }
    await this.command('cont');
    this.started('running');
  }

  async snapshot(): Promise<void> {
    if (this.#snapshotTarget === null) {
      throw refused('snapshot_not_planned', `VM ${this.id} was not booted with a snapshot directory`);
    }
    if (this.#state !== 'paused') {
      throw refused('vm_not_paused', `VM ${this.id} is ${this.#state}; a snapshot needs it paused`);
    }
    await saveState(this, this.#directory, this.#snapshotTarget);
    this.#state = 'frozen';
    // The file is the snapshot's now; while a monitor maps it writably it is nobody's.
    this.#kill();
    await this.exited;
    await takeOverMemory(this.#snapshotTarget);
  }

  async consoleTail(lines: number): Promise<readonly string[]> {
    return await tail(this.consoleFile, lines);
  }

  async memory(): Promise<GuestMemory> {
    return await guestMemory(this.pid, this.#memoryMb);
  }

  async stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#end(options).catch((error: unknown) => {
      this.#stopping = null;
      throw error;
    });
    await this.#stopping;
  }

  async #end({ archiveTo }: StopOptions): Promise<void> {
    this.#kill();
    await this.exited;
    await (await this.#group)?.remove();
    if (archiveTo !== undefined) {
      for (const name of [CONSOLE_FILE, MONITOR_LOG]) {
        await move(join(this.#directory, name), join(archiveTo, name));
      }
    }
    await rm(this.#directory, { recursive: true, force: true }).catch((error: unknown) => {
      throw new BrowserVmError(
        {
          code: 'vm_leftovers',
          message: `VM ${this.id}: ${this.#directory} could not be removed`,
          hop: 'driver',
        },
        { cause: error },
      );
    });
  }

  #kill(): void {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL');
  }

  #event(event: QmpEvent): void {
    if (event.event === 'SHUTDOWN') {
      this.#guestEnded = event.data.reason === 'guest-reset' ? 'guest_reset' : 'guest_shutdown';
    }
    for (const listen of this.#events) listen(event);
  }

  async #exit(): Promise<VmExit> {
    const { promise, resolve } = Promise.withResolvers<{
      code: number | null;
      signal: NodeJS.Signals | null;
    }>();
    this.#process.once('exit', (code, signal) => resolve({ code, signal }));
    const { code, signal } = await promise;
    const frozen = this.#state === 'frozen';
    this.#state = 'stopped';
    this.#qmp?.close();
    const ours = this.#stopping !== null || frozen;
    const reason = this.#guestEnded ?? (ours ? 'stopped' : signal !== null ? 'killed' : 'crashed');
    const [monitorTail, consoleTail] = await Promise.all([
      tail(join(this.#directory, MONITOR_LOG), TAIL_LINES),
      tail(this.consoleFile, TAIL_LINES),
    ]);
    return { reason, code, signal, monitorTail, consoleTail };
  }

  #gone(during: string, cause?: unknown): BrowserVmError {
    return new BrowserVmError(
      { code: 'vm_gone', message: `VM ${this.id} ended during ${during}`, hop: 'driver' },
      { cause },
    );
  }
}

/** The line in which QEMU says why; it names itself there. */
function lastWords(exit: VmExit): string | undefined {
  return exit.monitorTail.findLast((line) => line.startsWith('qemu-system')) ?? exit.monitorTail.at(-1);
}

function refused(code: string, message: string): BrowserVmError {
  return new BrowserVmError({ code, message, hop: 'driver' });
}

/** Works across file systems: run directory and state directory may be two. */
async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return;
    if (code !== 'EXDEV') throw error;
    await copyFile(from, to);
    await rm(from);
  }
}
