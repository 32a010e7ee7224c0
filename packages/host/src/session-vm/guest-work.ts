import { setTimeout as delay } from 'node:timers/promises';
import { wantedCpuMs } from '../system/wanted-cpu.ts';

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
