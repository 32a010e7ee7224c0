import { readFile } from 'node:fs/promises';

/** What all CPUs of the machine did since it started, in the kernel's ticks. */
interface Ticks {
  readonly idle: number;
  readonly all: number;
  readonly cores: number;
}

/** Fewer tell too little; 10 ms each. */
const LEAST_TICKS = 10;

/** Tells how many cores had nothing to do between two looks at them. */
export class IdleCores {
  #before: Ticks | null = null;
  #idle: number | null = null;

  /** Since the last look, or since the one before where that was a moment ago; null at the first. */
  async look(): Promise<number | null> {
    const now = ticksOf(await readFile('/proc/stat', 'utf8'));
    const before = this.#before;
    if (before === null || now.all - before.all >= LEAST_TICKS * now.cores) {
      this.#before = now;
      if (before !== null) this.#idle = ((now.idle - before.idle) / (now.all - before.all)) * now.cores;
    }
    return this.#idle;
  }
}

/** Of the text of /proc/stat. Time spent waiting for a disk is idle: a CPU can be had. */
export function ticksOf(text: string): Ticks {
  const [, words = ''] = /^cpu +(.*)$/m.exec(text) ?? [];
  // user, nice, system, idle, iowait, irq, softirq, steal; time of guests is counted in the first two.
  const ticks = words.split(' ').slice(0, 8).map(Number);
  const all = ticks.reduce((sum, count) => sum + count, 0);
  const cores = [...text.matchAll(/^cpu\d+ /gm)].length;
  return { idle: (ticks[3] ?? 0) + (ticks[4] ?? 0), all, cores };
}
