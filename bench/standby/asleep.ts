import { setTimeout as delay } from 'node:timers/promises';
import { cpuSeconds } from '../support/processes.ts';

/** A guest that runs is never this long without a hundredth of a second of work. Milliseconds. */
const SILENCE = 4000;
const LIMIT = 180_000;

/** Resolves when a monitor's CPUs have stopped. */
export async function untilAsleep(pid: number, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + LIMIT;
  let before = await cpuSeconds(pid);
  let since = performance.now();
  while (performance.now() - since < SILENCE) {
    if (performance.now() > deadline) throw new Error('the VM did not go to standby');
    await delay(250, undefined, { signal });
    const now = await cpuSeconds(pid);
    if (now > before) since = performance.now();
    before = now;
  }
}
