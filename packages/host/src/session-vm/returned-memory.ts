import { setTimeout as delay } from 'node:timers/promises';
import { isMemoryScarce } from '../system/memory.ts';
import { pageOut } from '../system/page-out.ts';
import { rest } from '../system/rest.ts';

/** A page that is loaded leaves the guest at rest for so long, sooner or later. Milliseconds. */
const CALM = 3000;
const REST_LIMIT = 60_000;
/** Memory becomes scarce without telling. Milliseconds. */
const INTERVAL = 3000;

/**
 * Moves what a VM alone wrote, and does not need for now, to swap space once memory is scarce: to read it back delays
 * the answer to the next press by some tenths of a second. Admission goes on counting it, since the VM may need it
 * again. Whether that succeeds is told in the log; the VM runs on all the same.
 */
export class ReturnedMemory {
  readonly #log: (message: string, details: Record<string, unknown>) => void;
  readonly #ending: AbortSignal;
  #asleep = new AbortController();

  constructor(log: (message: string, details: Record<string, unknown>) => void, ending: AbortSignal) {
    this.#log = log;
    this.#ending = ending;
  }

  /** What it took to load a page is not needed while a person reads it, nor what it took its streamer to start. */
  afterRest(monitor: number, processes: readonly number[]): void {
    const signal = this.#ending;
    void this.#return(processes, signal, rest(monitor, { calmMs: CALM, limitMs: REST_LIMIT, signal }));
  }

  /** Nothing is read before the CPUs run again. */
  inStandby(processes: readonly number[]): void {
    this.#asleep = new AbortController();
    void this.#return(processes, AbortSignal.any([this.#asleep.signal, this.#ending]));
  }

  /** The CPUs are about to run. */
  waking(): void {
    this.#asleep.abort();
  }

  async #return(processes: readonly number[], signal: AbortSignal, after?: Promise<void>): Promise<void> {
    try {
      await after;
      while (!(await isMemoryScarce())) await delay(INTERVAL, undefined, { signal, ref: false });
      let bytes = 0;
      for (const pid of processes) bytes += await pageOut(pid, signal);
      if (bytes > 0) this.#log('memory of a VM went to swap space', { bytes });
    } catch (error) {
      if (!signal.aborted) this.#log('memory of a VM stays where it is', { err: error });
    }
  }
}
