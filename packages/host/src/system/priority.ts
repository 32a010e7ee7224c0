import { readdir, writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';

/** As nice values. With the second, a tenth of the weight of everything else, which so hardly notices. */
const ORDINARY = 0;
const BACKGROUND = 10;

/** Lets everything else on this machine go first. Threads that the process starts later follow it. */
export async function yieldCpus(pid: number): Promise<void> {
  await setShare(pid, BACKGROUND);
}

/** Takes part like everything else again. */
export async function shareCpus(pid: number): Promise<void> {
  await setShare(pid, ORDINARY);
}

async function setShare(pid: number, nice: number): Promise<void> {
  for (const thread of await readdir(`/proc/${pid}/task`).catch((): string[] => [])) {
    try {
      // To the kernel a priority belongs to a thread, and its number stands for it.
      setPriority(Number(thread), nice);
    } catch {
      // It ended in between.
    }
  }
  // Where the kernel weighs whole sessions of processes (autogroup), priorities count within one alone.
  await writeFile(`/proc/${pid}/autogroup`, String(nice)).catch(() => {});
}
