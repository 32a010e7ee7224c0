import type { Transport } from '../transport.ts';
import { StatisticsOverlay } from './overlay.ts';
import { type Counters, type Statistics, statisticsOf } from './statistics.ts';

const INTERVAL_MS = 1000;

export interface StatisticsSource {
  readonly transport: Transport;
  /** Null while there is no connection. */
  counters(): Promise<Counters | null>;
}

/** Looks at the connection once a second while it is shown, and never otherwise. */
export class StatisticsWatch {
  readonly #overlay: StatisticsOverlay;
  readonly #source: () => StatisticsSource;
  readonly #listener: (statistics: Statistics) => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #before: { readonly transport: Transport; readonly counters: Counters } | null = null;

  constructor(parent: Node, source: () => StatisticsSource, listener: (statistics: Statistics) => void) {
    this.#overlay = new StatisticsOverlay(parent);
    this.#source = source;
    this.#listener = listener;
  }

  get shown(): boolean {
    return this.#overlay.shown;
  }

  show(shown: boolean): void {
    if (shown === this.shown) return;
    this.#overlay.shown = shown;
    clearInterval(this.#timer);
    this.#before = null;
    if (!shown) return;
    this.#timer = setInterval(() => void this.#look(), INTERVAL_MS);
    void this.#look();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#overlay.shown = false;
  }

  async #look(): Promise<void> {
    const source = this.#source();
    const { transport } = source;
    const counters = await source.counters().catch(() => null);
    if (!this.shown) return;
    const before = this.#before?.transport === transport ? this.#before.counters : null;
    this.#before = counters === null ? null : { transport, counters };
    const statistics = statisticsOf(transport, before, counters ?? NOTHING);
    this.#overlay.update(statistics);
    this.#listener(statistics);
  }
}

const NOTHING: Counters = {
  at: 0,
  bytes: 0,
  frames: null,
  packets: 0,
  lost: 0,
  route: null,
  roundTripMs: null,
  codec: null,
  size: null,
};
