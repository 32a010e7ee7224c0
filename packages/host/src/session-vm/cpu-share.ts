import { shareCpus, yieldCpus } from '../system/priority.ts';

/** By then a person who uses a desktop has touched it. Milliseconds. */
const QUIET = 10_000;

/**
 * A VM that nobody touches lets those go first that start or are touched. Where CPUs are free it is as fast as ever; on
 * a machine whose CPUs are full, a start would otherwise share them with every page that only stands there.
 */
export class CpuShare {
  readonly #quietMs: number;
  #pid: number | null = null;
  #touchedAt = performance.now();
  #timer: NodeJS.Timeout | null = null;
  #yields = false;
  /** One change at a time, in their order. */
  #changing = Promise.resolve();

  constructor(quietMs = QUIET) {
    this.#quietMs = quietMs;
  }

  /** From now on quiet counts for the monitor `pid`. */
  watch(pid: number): void {
    this.#pid = pid;
    this.touched();
  }

  /** It has its whole share from now on. */
  touched(): void {
    this.#touchedAt = performance.now();
    if (this.#pid === null) return;
    if (this.#yields) this.#set(this.#pid, false);
    this.#arm(this.#pid);
  }

  close(): void {
    this.#pid = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** One timer at most; that it was touched since is seen when it fires. */
  #arm(pid: number): void {
    if (this.#yields || this.#timer !== null) return;
    const leftMs = this.#touchedAt + this.#quietMs - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        if (performance.now() - this.#touchedAt < this.#quietMs) this.#arm(pid);
        else this.#set(pid, true);
      },
      Math.max(1, Math.ceil(leftMs)),
    );
    this.#timer.unref();
  }

  #set(pid: number, yields: boolean): void {
    this.#yields = yields;
    this.#changing = this.#changing.then(() => (yields ? yieldCpus(pid) : shareCpus(pid)));
  }
}
