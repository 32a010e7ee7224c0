/** One packet of which it is known whether it came. */
export interface Fate {
  readonly sentAtMs: number;
  /** Receiver's clock; null: lost. */
  readonly arrivedAtMs: number | null;
  /** With everything around it. */
  readonly bytes: number;
  /** Of which burst: packets of a frame leave together, in an empty pacer. */
  readonly burst: number;
}

const MIN_KBPS = 100;
/** Lost by chance; more is lost because there is too much. */
const CHANCE = 0.1;
/** Packets, or milliseconds, over which loss is counted. */
const LOSS = { packets: 40, ms: 1000, least: 20 } as const;
/** Packets of a burst that say something, and those that say twice as much. */
const TELLING = { few: 5, many: 10, most: 24 } as const;
/** What of a link's pace is used: the rest is for what else goes over it. */
const SHARE = 0.9;
/** A burst that came so much slower than it left has filled the link's queue. Milliseconds. */
const GROWN_MS = 8;
/** A queue that stood is given this long to go. Milliseconds. */
const DRAIN_MS = 200;
/** Longer in the link's queue than this, by the best of a burst's first packets, and the link is too slow. Milliseconds. */
const STANDING_MS = 25;
/** How long the lowest delay counts. Milliseconds. */
const BASE_WINDOW_MS = 20_000;

/** Bitrates in kbit/s. */
export interface Rates {
  readonly startKbps: number;
  readonly maxKbps: number;
}

/**
 * What a link carries, from when packets left and when they came. A desktop is quiet most of the time, then sends a
 * burst: a burst that comes slower than it left tells the link's rate; one that does not tells that the link has at
 * least that; one that finds a queue before it tells that the estimate is too high. Loss above 10 % lowers it.
 */
export class Bandwidth {
  #kbps: number;
  readonly #maxKbps: number;
  /** Minima of delay by half windows, so that clocks may drift. */
  #base = { before: Number.POSITIVE_INFINITY, now: Number.POSITIVE_INFINITY, since: 0 };
  #loss = { lost: 0, all: 0, since: 0 };
  #burst: Fate[] = [];
  /** More was lost than by chance: nothing faster is tried. */
  #isLossy = false;
  #loweredAt = Number.NEGATIVE_INFINITY;

  constructor({ startKbps, maxKbps }: Rates) {
    this.#kbps = startKbps;
    this.#maxKbps = maxKbps;
  }

  get kbps(): number {
    return this.#kbps;
  }

  /** In the order of sending. */
  learn(fates: readonly Fate[]): void {
    for (const fate of fates) {
      this.#countLoss(fate);
      if (fate.arrivedAtMs === null) continue;
      const delay = fate.arrivedAtMs - fate.sentAtMs;
      if (fate.sentAtMs - this.#base.since > BASE_WINDOW_MS / 2) {
        this.#base = { before: this.#base.now, now: delay, since: fate.sentAtMs };
      }
      this.#base.now = Math.min(this.#base.now, delay);
      if (this.#burst[0] !== undefined && this.#burst[0].burst !== fate.burst) this.#judge();
      this.#burst.push(fate);
    }
    if (this.#burst.length >= TELLING.most) this.#judge();
  }

  #judge(): void {
    const burst = this.#burst;
    this.#burst = [];
    const first = burst[0];
    const last = burst.at(-1);
    if (first === undefined || last === undefined) return;
    const base = Math.min(this.#base.before, this.#base.now);
    const queued = (fate: Fate) => (fate.arrivedAtMs ?? 0) - fate.sentAtMs - base;
    const standing = Math.min(...burst.slice(0, 3).map(queued));
    const grown = queued(last) - queued(first);
    const tookMs = (last.arrivedAtMs ?? 0) - (first.arrivedAtMs ?? 0);
    const sentMs = last.sentAtMs - first.sentAtMs;
    const bytes = burst.slice(1).reduce((sum, fate) => sum + fate.bytes, 0);
    const rate = (bytes * 8) / Math.max(tookMs, sentMs, 1);
    if (burst.length >= TELLING.few && grown > GROWN_MS) {
      const seen = rate * SHARE;
      const weight = burst.length >= TELLING.many ? 0.5 : 0.25;
      // The link's own pace was seen; whether it is the double is seen by trying.
      if (seen < this.#kbps * 2) this.#set(this.#kbps + (seen - this.#kbps) * weight);
    } else if (burst.length >= TELLING.few && standing < STANDING_MS && !this.#isLossy) {
      this.#set(Math.max(rate, this.#kbps * 1.02));
    }
    if (standing > STANDING_MS && first.sentAtMs - this.#loweredAt > DRAIN_MS) {
      this.#loweredAt = first.sentAtMs;
      this.#set(this.#kbps * 0.85);
    }
  }

  #countLoss(fate: Fate): void {
    this.#loss.all += 1;
    if (fate.arrivedAtMs === null) this.#loss.lost += 1;
    if (this.#loss.all < LOSS.packets && fate.sentAtMs - this.#loss.since < LOSS.ms) return;
    const share = this.#loss.lost / this.#loss.all;
    this.#isLossy = this.#loss.all >= LOSS.least && share > CHANCE;
    if (this.#isLossy) this.#set(this.#kbps * (1 - share / 2));
    this.#loss = { lost: 0, all: 0, since: fate.sentAtMs };
  }

  #set(kbps: number): void {
    this.#kbps = Math.min(this.#maxKbps, Math.max(MIN_KBPS, kbps));
  }
}
