/** Between two looks at the CPUs while somebody waits. Milliseconds. */
const INTERVAL = 250;
/** A start is not seen in what was measured before it was under way for this long. Milliseconds. */
const UNSEEN = 2 * INTERVAL;
/** What a start takes at least while it lasts. Cores. */
const CORES = 1;
/** A start that takes longer than this, the CPUs being full, lets others begin beside it. Milliseconds. */
const LONGEST = 60_000;
/** Starts remembered to say how long those to come will take. */
const REMEMBERED = 20;

/** How far off a turn is. */
export interface Distance {
  /** Starts that are under way or wait, and come first. */
  readonly ahead: number;
  /** By how long earlier ones took; null before any ended. Milliseconds. */
  readonly expectedMs: number | null;
}

/** A turn that has not come yet. */
export interface Turn extends Distance {
  /** Calls `listener` whenever fewer come first, until it is the turn of this one. One listener. */
  onMoved(listener: (distance: Distance) => void): void;
  /** Rejects when aborted; never by itself. */
  readonly begun: Promise<void>;
}

interface Waiting {
  readonly of: object;
  readonly begin: () => void;
  /** What was told of `Distance.ahead` last; null before it was told. */
  told: number | null;
  moved: (distance: Distance) => void;
}

/**
 * Lets starts begin in the order they came, as many at a time as the CPUs carry: one always, another beside those under
 * way when a core has nothing to do. Side by side on full CPUs, all of them would take as long as the last.
 */
export class Turns {
  readonly #idleCores: () => Promise<number | null>;
  /** Since when, by start. */
  readonly #going = new Map<object, number>();
  readonly #waiting: Waiting[] = [];
  readonly #tookMs: number[] = [];
  #timer: NodeJS.Timeout | null = null;

  /** `idleCores`: since it was asked last; null where that is not known. */
  constructor(idleCores: () => Promise<number | null>) {
    this.#idleCores = idleCores;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves with null when it is the turn of this one already. It lasts until `end`, and counts for a minute at most. */
  async begin(of: object, signal?: AbortSignal): Promise<Turn | null> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let hasBegun = false;
    const waiting: Waiting = {
      of,
      begin: () => {
        hasBegun = true;
        this.#go(of);
        resolve();
      },
      told: null,
      moved: () => {},
    };
    this.#waiting.push(waiting);
    const abort = () => {
      this.#leave(of);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    const begun = promise.finally(() => signal?.removeEventListener('abort', abort));
    begun.catch(() => {});
    await this.#letBegin();
    this.#look();
    if (hasBegun) return null;
    signal?.throwIfAborted();
    const distance = this.#distance(this.#waiting.indexOf(waiting));
    waiting.told = distance.ahead;
    return {
      ...distance,
      onMoved: (listener) => {
        waiting.moved = listener;
      },
      begun,
    };
  }

  /** Any number of times, also of one whose turn never came. */
  end(of: object): void {
    this.#leave(of);
    const since = this.#going.get(of);
    if (since === undefined) return;
    this.#going.delete(of);
    this.#tookMs.push(performance.now() - since);
    if (this.#tookMs.length > REMEMBERED) this.#tookMs.shift();
    if (this.#going.size === 0) this.#next();
    this.#tell();
  }

  #leave(of: object): void {
    const index = this.#waiting.findIndex((waiting) => waiting.of === of);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    this.#tell();
  }

  /** Whoever waits and has moved hears of it. */
  #tell(): void {
    for (const [index, waiting] of this.#waiting.entries()) {
      const distance = this.#distance(index);
      if (waiting.told === null || waiting.told === distance.ahead) continue;
      waiting.told = distance.ahead;
      waiting.moved(distance);
    }
  }

  #distance(index: number): Distance {
    const ahead = this.#going.size + Math.max(0, index);
    return { ahead, expectedMs: this.#expected(ahead) };
  }

  #next(): void {
    this.#waiting.shift()?.begin();
  }

  #go(of: object): void {
    this.#going.set(of, performance.now());
  }

  #forgetLate(): void {
    const now = performance.now();
    for (const [of, since] of this.#going) if (now - since > LONGEST) this.#going.delete(of);
  }

  /** Until nobody waits. */
  #look(): void {
    if (this.#waiting.length === 0 || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      void this.#letBegin().finally(() => {
        this.#timer = null;
        this.#look();
      });
    }, INTERVAL);
    this.#timer.unref();
  }

  async #letBegin(): Promise<void> {
    const idle = (await this.#idleCores().catch(() => null)) ?? 0;
    this.#forgetLate();
    const now = performance.now();
    const unseen = [...this.#going.values()].filter((since) => now - since < UNSEEN).length;
    let room = Math.floor(idle / CORES) - unseen;
    if (this.#going.size === 0) room = Math.max(1, room);
    for (; room > 0 && this.#waiting.length > 0; room -= 1) this.#next();
    this.#tell();
  }

  /** Each takes as long as the mean of those that ended, with as many side by side as there are now. */
  #expected(ahead: number): number | null {
    if (this.#tookMs.length === 0) return null;
    const mean = this.#tookMs.reduce((sum, ms) => sum + ms, 0) / this.#tookMs.length;
    return (mean * ahead) / Math.max(1, this.#going.size);
  }
}
