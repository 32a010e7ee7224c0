import { readFile } from 'node:fs/promises';

export interface Memory {
  readonly totalMb: number;
  /** Free, or can be made free at once. */
  readonly availableMb: number;
  /** Of swap space. */
  readonly swapFreeMb: number;
}

/** What the kernel says. MiB. */
export async function readMemory(): Promise<Memory> {
  return memoryOf(await readFile('/proc/meminfo', 'utf8'));
}

/** `memInfo`: the text of /proc/meminfo. */
export function memoryOf(memInfo: string): Memory {
  const field = (name: string): number =>
    Math.floor(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(memInfo)?.[1] ?? 0) / 1024);
  return {
    totalMb: field('MemTotal'),
    // What went to swap space on a disk stays in memory, too, until another needs that, and the kernel counts it as used.
    availableMb: field('MemAvailable') + field('SwapCached'),
    swapFreeMb: field('SwapFree'),
  };
}

/** Share of all memory below which what is available is scarce. */
const SCARCE = 0.5;

/** Is it worth some work to have more of it? Early, since a VM that starts takes memory faster than it is returned. */
export async function isMemoryScarce(): Promise<boolean> {
  const { availableMb, totalMb } = await readMemory();
  return availableMb < SCARCE * totalMb;
}
