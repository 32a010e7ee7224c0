import { setTimeout as delay } from 'node:timers/promises';
import { wantedCpuMs } from './wanted-cpu.ts';

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
  let before = await wantedCpuMs(pid);
  while (calm < 3 && performance.now() < until) {
    await delay(step, undefined, { signal });
    const now = await wantedCpuMs(pid);
    calm = now - before < REST_SHARE * step ? calm + 1 : 0;
    before = now;
  }
}
