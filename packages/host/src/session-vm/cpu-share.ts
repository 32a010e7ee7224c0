import { type Share, setShare } from '../system/priority.ts';

/** By then a person who uses a desktop has touched it. Milliseconds. */
const QUIET = 10_000;

/**
 * What the monitor of a session has of full CPUs; where CPUs are free it is as fast as ever. First more than others, for the
 * second or two until its desktop is there; then as much; and less while its page only stands there and nobody touches it.
 */
export class CpuShare {
  readonly #quietMs: number;
  #share: Share = 'ordinary';
  /** Quiet counts for it. */
  #quietPid: number | null = null;
  #touchedAt = performance.now();
  #timer: NodeJS.Timeout | null = null;
  /** One change at a time, in their order. */
  #changing = Promise.resolve();

  constructor(quietMs = QUIET) {
    this.#quietMs = quietMs;
  }

  /** Its desktop is waited for. */
  starts(pid: number): void {
    this.#set(pid, 'preferred');
  }

  /** Its desktop is there. */
  started(pid: number): void {
    this.#set(pid, 'ordinary');
  }

  /** Its page stands there: from now on quiet counts. */
  rests(pid: number): void {
    this.#quietPid = pid;
    this.touched();
  }

  touched(): void {
    this.#touchedAt = performance.now();
    if (this.#quietPid === null) return;
    this.#set(this.#quietPid, 'ordinary');
    this.#arm(this.#quietPid);
  }

  close(): void {
    this.#quietPid = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** One timer at most; that it was touched since is seen when it fires. */
  #arm(pid: number): void {
    if (this.#timer !== null) return;
    const leftMs = this.#touchedAt + this.#quietMs - performance.now();
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        if (performance.now() - this.#touchedAt < this.#quietMs) this.#arm(pid);
        else this.#set(pid, 'background');
      },
      Math.max(1, Math.ceil(leftMs)),
    );
    this.#timer.unref();
  }

  #set(pid: number, share: Share): void {
    if (share === this.#share) return;
    this.#share = share;
    this.#changing = this.#changing.then(() => setShare(pid, share));
  }
}
