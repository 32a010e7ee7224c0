import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { indexOf } from '../slot/names.ts';
import { readMemory } from '../system/memory.ts';

export interface KernelFigures {
  readonly totalMb: number;
  readonly availableMb: number;
  readonly swapFreeMb: number;
  readonly cores: number;
  readonly load: number;
  readonly cpuPressure: number | null;
  readonly memoryPressure: number | null;
  /** Slots that other controllers of this host hold. */
  readonly foreignSlots: number;
}

/** A handful of small reads from /proc, about a millisecond; starts no program. */
export async function readKernelFigures(mark: string): Promise<KernelFigures> {
  const [memory, loadAverage, cpu, pressure, wires, namespaces] = await Promise.all([
    readMemory(),
    readFile('/proc/loadavg', 'utf8'),
    readFile('/proc/pressure/cpu', 'utf8').catch(() => null),
    readFile('/proc/pressure/memory', 'utf8').catch(() => null),
    readFile('/proc/self/net/dev', 'utf8'),
    readdir('/run/netns').catch((): string[] => []),
  ]);
  const all = [...wires.matchAll(/^\s*bvmh\d+:/gm)].length;
  const own = namespaces.filter((name) => indexOf(mark, name) !== null).length;
  return {
    ...memory,
    cores: availableParallelism(),
    load: Number(loadAverage.split(' ')[0]),
    cpuPressure: cpu === null ? null : pressureOf(cpu, 'some'),
    memoryPressure: pressure === null ? null : pressureOf(pressure, 'full'),
    foreignSlots: Math.max(0, all - own),
  };
}

/** Percent of the last 10 s, from a file of /proc/pressure; null when the line is not there. */
export function pressureOf(text: string, kind: 'some' | 'full'): number | null {
  const [, percent] = new RegExp(`^${kind} avg10=([\\d.]+)`, 'm').exec(text) ?? [];
  return percent === undefined ? null : Number(percent);
}

/**
 * Memory of processes that is theirs alone: what they wrote, copies of the template's pages included, and
 * their page tables. The kernel counts it as it happens, so reading it walks no pages as `smaps_rollup` does.
 * MiB; a process that is gone has none.
 */
export async function uniqueMemoryMb(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      const field = (name: string) =>
        Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
      return field('RssAnon') + field('VmPTE') + field('VmSwap');
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0) / 1024;
}
