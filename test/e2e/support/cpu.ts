import { readFile } from 'node:fs/promises';

/** User and system time of a process so far, seconds; clock ticks are hundredths of a second on Linux. */
export async function cpuSeconds(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [user, system] = (text.split(') ')[1] ?? '').split(' ').slice(11, 13);
  return (Number(user ?? 0) + Number(system ?? 0)) / 100;
}
