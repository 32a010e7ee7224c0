import type { AgentEvent } from '@browser-vm/protocol';

export type Event = AgentEvent['event'];

/** Debug and info lines beyond this many are forgotten, oldest first; everything else is kept. */
const MAX_LOG_EVENTS = 2000;

/** Everything that happened in this guest, in order, replayed to whoever asks and then followed live. */
export class EventLog {
  readonly #events: AgentEvent[] = [];
  readonly #wakers = new Set<() => void>();
  readonly #clock: () => number;
  #sequence = 0;
  #logEvents = 0;
  #closed = false;

  /** `clock`: milliseconds since the kernel started. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  append(event: Event, elapsedMs = this.#clock()): AgentEvent {
    this.#sequence += 1;
    const entry: AgentEvent = { sequence: this.#sequence, elapsedMs, event };
    this.#events.push(entry);
    if (event.type === 'log') this.#forgetOldLog();
    for (const wake of this.#wakers) wake();
    return entry;
  }

  /** Ends every follower. */
  close(): void {
    this.#closed = true;
    for (const wake of this.#wakers) wake();
  }

  /** Events whose sequence is greater than `after`, then new ones, until `close` or `signal`. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<AgentEvent> {
    let last = after;
    while (!signal.aborted) {
      for (const entry of this.#events.slice(this.#indexAfter(last))) {
        if (signal.aborted) return;
        last = entry.sequence;
        yield entry;
      }
      if (this.#closed) return;
      if (last < this.#sequence) continue;
      await this.#change(signal);
    }
  }

  #indexAfter(sequence: number): number {
    const index = this.#events.findIndex((entry) => entry.sequence > sequence);
    return index < 0 ? this.#events.length : index;
  }

  async #change(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wakers.add(resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
    try {
      await promise;
    } finally {
      this.#wakers.delete(resolve);
    }
  }

  #forgetOldLog(): void {
    this.#logEvents += 1;
    if (this.#logEvents <= MAX_LOG_EVENTS) return;
    const oldest = this.#events.findIndex((entry) => entry.event.type === 'log');
    this.#events.splice(oldest, 1);
    this.#logEvents -= 1;
  }
}
