import { readFile } from 'node:fs/promises';

/** What the kernel says is free or can be made free at once. MiB. */
export async function readMemory(): Promise<{ readonly totalMb: number; readonly availableMb: number }> {
  const text = await readFile('/proc/meminfo', 'utf8');
  const field = (name: string): number =>
    Math.floor(Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) / 1024);
  return { totalMb: field('MemTotal'), availableMb: field('MemAvailable') };
}
