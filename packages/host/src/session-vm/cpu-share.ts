import { type Share, setShare } from '../system/priority.ts';

/** By then a person who uses a desktop has touched it. Milliseconds. */
const QUIET = 10_000;

/**
 * What the monitor of a session has of full CPUs; where CPUs are free it is as fast as ever. First more than others, for the
 * second or two until its desktop is there; then as much; and less while its page only stands there and nobody touches it.
 */
export class CpuShare {
  readonly #quietMs: number;
  /** Null: not there yet, or no longer. */
  #pid: number | null = null;
  #share: Share = 'ordinary';
  #countsQuiet = false;
  #touchedAt = performance.now();
  #timer: NodeJS.Timeout | null = null;
  /** One change at a time, in their order. */
  #changing = Promise.resolve();

  constructor(quietMs = QUIET) {
    this.#quietMs = quietMs;
  }

  /** The desktop of the monitor `pid` is waited for. */
  starts(pid: number): void {
    this.#pid = pid;
    this.#set('preferred');
  }

  /** Its desktop is there. */
  started(): void {
    this.#set('ordinary');
  }

  /** Its page stands there: from now on quiet counts. */
  rests(): void {
    this.#countsQuiet = true;
    this.touched();
  }

  touched(): void {
    this.#touchedAt = performance.now();
    if (this.#pid === null || !this.#countsQuiet) return;
    this.#set('ordinary');
    this.#arm();
  }

  close(): void {
    this.#pid = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** One timer at most; that it was touched since is seen when it fires. */
  #arm(): void {
    if (this.#timer !== null) return;
    const leftMs = this.#touchedAt + this.#quietMs - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        if (performance.now() - this.#touchedAt < this.#quietMs) this.#arm();
        else this.#set('background');
      },
      Math.max(1, Math.ceil(leftMs)),
    );
    this.#timer.unref();
  }

  #set(share: Share): void {
    const pid = this.#pid;
    if (pid === null || share === this.#share) return;
    this.#share = share;
    this.#changing = this.#changing.then(() => setShare(pid, share));
  }
}
