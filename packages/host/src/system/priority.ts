import { readdir, writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';

/** A tenth of the weight of everything else, which so hardly notices. */
const BACKGROUND = 10;

/** Lets everything else on this machine go first. Threads that the process starts later follow it. */
export async function yieldCpus(pid: number): Promise<void> {
  for (const thread of await readdir(`/proc/${pid}/task`).catch((): string[] => [])) {
    try {
      // To the kernel a priority belongs to a thread, and its number stands for it.
      setPriority(Number(thread), BACKGROUND);
    } catch {
      // It ended in between.
    }
  }
  // Where the kernel weighs whole sessions of processes (autogroup), priorities count within one alone.
  await writeFile(`/proc/${pid}/autogroup`, String(BACKGROUND)).catch(() => {});
}
