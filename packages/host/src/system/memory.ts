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
  const text = await readFile('/proc/meminfo', 'utf8');
  const field = (name: string): number =>
    Math.floor(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024);
  return { totalMb: field('MemTotal'), availableMb: field('MemAvailable'), swapFreeMb: field('SwapFree') };
}
