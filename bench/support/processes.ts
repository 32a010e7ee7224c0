import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds } from '../../test/e2e/support/cpu.ts';
import { markedProcesses } from '../../test/e2e/support/leftovers.ts';

/** Memory of one process. MB of 10^6 bytes. */
export interface Memory {
  /** Mapped by no other process: what the machine gets back when this one ends. */
  readonly uniqueMb: number;
  /** Of that, what differs from every file: it can neither be shared nor dropped. */
  readonly dirtyMb: number;
  /** Of that, pages of the guest's memory that it has written to since it was resumed. */
  readonly guestMb: number;
  /** Of that, code that the monitor translated; none where the guest runs on the processor itself. */
  readonly translatedMb: number;
  /** Written by it, and in swap space now; before compression, if there is any. */
  readonly swappedMb: number;
  /** Mapped by others too, such as what clones have of their template. */
  readonly sharedMb: number;
}

/** Everything that runs for the sessions of one controller. */
export interface SessionProcesses {
  readonly monitors: readonly number[];
  readonly streamers: readonly number[];
  /** Of pictures in VMs' memory; with the streamers they send the picture. */
  readonly readers: readonly number[];
}

export async function sessionProcesses(runDir: string): Promise<SessionProcesses> {
  const monitors: number[] = [];
  const streamers: number[] = [];
  const readers: number[] = [];
  for (const { pid } of await markedProcesses(runDir)) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    // The probe of the accelerator has no name.
    if (/^\S*qemu-system-/.test(commandLine) && commandLine.includes('\0bvm-')) monitors.push(pid);
    else if (commandLine.includes('streamer/src/main.ts')) streamers.push(pid);
    else if (commandLine.endsWith('\0picture-reader\0')) readers.push(pid);
  }
  return { monitors, streamers, readers };
}

/** Null when the process is gone. */
export async function memoryOf(pid: number): Promise<Memory | null> {
  const text = await readFile(`/proc/${pid}/smaps`, 'utf8').catch(() => null);
  if (text === null) return null;
  const mappings = text.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m).filter((mapping) => mapping !== '');
  const sum = (fields: readonly string[], of = mappings) =>
    of.reduce((total, mapping) => total + fields.reduce((own, field) => own + bytes(mapping, field), 0), 0) /
    1e6;
  const dirty = ['Private_Dirty'];
  return {
    uniqueMb: sum(['Private_Clean', ...dirty]),
    dirtyMb: sum(dirty),
    guestMb: sum(dirty, mappings.filter(isTemplateMemory)),
    translatedMb: sum(dirty, mappings.filter(isTranslatedCode)),
    swappedMb: sum(['Swap']),
    sharedMb: sum(['Shared_Clean', 'Shared_Dirty']),
  };
}

function bytes(mapping: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(mapping)?.[1] ?? 0) * 1024;
}

/** Besides libraries, the one file that a monitor maps copy-on-write. */
function isTemplateMemory(mapping: string): boolean {
  return /^\S+ rw-p \S+ \S+ [1-9]/.test(mapping) && !/^.*\.so\b/.test(mapping);
}

/** Anonymous and executable. */
function isTranslatedCode(mapping: string): boolean {
  return /^\S+ rwxp \S+ 00:00 0 /.test(mapping);
}

export async function memoryOfAll(pids: readonly number[]): Promise<Memory[]> {
  return (await Promise.all(pids.map(memoryOf))).filter((memory): memory is Memory => memory !== null);
}

/** How many cores each process kept busy for `windowMs`. */
export async function coresUsed(
  pids: readonly number[],
  windowMs: number,
  signal: AbortSignal,
): Promise<number[]> {
  const before = await Promise.all(pids.map(cpuSeconds));
  const started = performance.now();
  await delay(windowMs, undefined, { signal });
  const seconds = (performance.now() - started) / 1000;
  const after = await Promise.all(pids.map(cpuSeconds));
  return after.map((value, index) => Math.max(0, value - (before[index] ?? 0)) / seconds);
}
