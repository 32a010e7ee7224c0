import { readdir, readFile } from 'node:fs/promises';

/**
 * What all threads of a process together had a CPU or waited for one, milliseconds: on a host with more to do than it
 * can, a guest that works runs no more than one at rest, but it waits.
 */
export async function wantedCpuMs(pid: number): Promise<number> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(
    tasks.map(async (task) => {
      // A thread that ended meanwhile wants nothing.
      const line = await readFile(`/proc/${pid}/task/${task}/schedstat`, 'utf8').catch(() => '0 0');
      const [ran, waited] = line.split(' ');
      return Number(ran) + Number(waited);
    }),
  );
  return times.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1e6;
}
