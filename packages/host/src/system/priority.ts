import { readdir, writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';

/**
 * What a process gets of full CPUs, as nice values: each step is a fourth more or less. `preferred` is three times,
 * `background` a tenth of what everything else has.
 */
const NICE = { preferred: -5, ordinary: 0, background: 10 } as const;

export type Share = keyof typeof NICE;

/** Counts among all processes of this machine. Threads that the process starts later follow it. */
export async function setShare(pid: number, share: Share): Promise<void> {
  for (const thread of await readdir(`/proc/${pid}/task`).catch((): string[] => [])) {
    try {
      // To the kernel a priority belongs to a thread, and its number stands for it.
      setPriority(Number(thread), NICE[share]);
    } catch {
      // It ended in between.
    }
  }
  // Where the kernel weighs whole sessions of processes (autogroup), priorities count within one alone.
  await writeFile(`/proc/${pid}/autogroup`, String(NICE[share])).catch(() => {});
}
