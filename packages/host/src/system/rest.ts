import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** Share of one core below which a process is at rest. */
const REST_SHARE = 0.1;

export interface RestOptions {
  /** How long it must stay at rest. Milliseconds. */
  readonly calmMs: number;
  /** It may never come to rest. Milliseconds. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/** Resolves when the process has next to nothing to do, or when it never will; rejects when aborted. */
export async function rest(pid: number, { calmMs, limitMs, signal }: RestOptions): Promise<void> {
  const until = performance.now() + limitMs;
  const step = calmMs / 3;
  let calm = 0;
  let before = await wantedMs(pid);
  while (calm < 3 && performance.now() < until) {
    await delay(step, undefined, { signal });
    const now = await wantedMs(pid);
    calm = now - before < REST_SHARE * step ? calm + 1 : 0;
    before = now;
  }
}

/** Time that a process had a CPU or waited for one: a guest that others crowd out is not at rest. Milliseconds. */
async function wantedMs(pid: number): Promise<number> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(
    tasks.map(async (task) => {
      const line = await readFile(`/proc/${pid}/task/${task}/schedstat`, 'utf8').catch(() => '0 0');
      const [ran, waited] = line.split(' ');
      return Number(ran) + Number(waited);
    }),
  );
  return times.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1e6;
}
