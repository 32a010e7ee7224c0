import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds. */
const WINDOW = 1000;
/** Cores that a desktop at rest stays far below, also under emulation; a page that loads does not. */
const BUSY_CORES = 0.5;

/** Does the guest of this monitor work? Looks for a second. Rejects when aborted, or when the monitor is gone. */
export async function isGuestBusy(pid: number, signal: AbortSignal): Promise<boolean> {
  const [before, startedAt] = [await wantedCpuMs(pid), performance.now()];
  await delay(WINDOW, undefined, { signal });
  return (await wantedCpuMs(pid)) - before > BUSY_CORES * (performance.now() - startedAt);
}

/**
 * What all threads together ran and waited to run, milliseconds: on a host with more to do than it can, a guest that
 * works runs no more than one at rest, but it waits.
 */
async function wantedCpuMs(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(
    threads.map(async (thread) => {
      // A thread that ended meanwhile wants nothing.
      const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0 0 0');
      const [ran, waited] = text.split(' ').map(Number);
      return ((ran ?? 0) + (waited ?? 0)) / 1e6;
    }),
  );
  return times.reduce((sum, ms) => sum + ms, 0);
}
