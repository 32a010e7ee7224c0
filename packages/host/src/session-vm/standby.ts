/** A guest at work by itself postpones standby, but not beyond this many times the quiet that leads to it. */
const BUSY_PATIENCE = 5;

export interface StandbyParts {
  /** Quiet after which the CPUs stop, milliseconds; 0: never. */
  readonly afterMs: number;
  /** Does the guest work though nobody touches it? Asked when it was quiet for long enough. */
  readonly isBusy: () => Promise<boolean>;
  /** Resolves when input is kept back instead of being sent to the guest. */
  readonly hold: () => Promise<void>;
  readonly pause: () => Promise<void>;
  readonly resume: () => Promise<void>;
  /** Of a guest whose CPUs have just been started again. */
  readonly setClock: () => Promise<void>;
  /** Input flows again, first what was kept back. */
  readonly release: () => void;
  readonly onStandby: () => void;
  /** What waking cost: from its cause until the CPUs ran and the clock was right. Milliseconds. */
  readonly onAwake: (wakeMs: number) => void;
  /** The VM runs on all the same. */
  readonly warn: (message: string, error: unknown) => void;
  /** The VM does not run and cannot be made to. */
  readonly onLost: (error: unknown) => void;
}

/**
 * Stops a VM's CPUs while nothing is asked of it and starts them when something is. `falling` and `waking` are
 * never interrupted: what happens meanwhile is done when they are over.
 */
export class Standby {
  readonly #parts: StandbyParts;
  #state: 'awake' | 'falling' | 'asleep' | 'waking' = 'awake';
  #allowed = false;
  #closed = false;
  /** Calls that need the CPUs. */
  #users = 0;
  #touchedAt = performance.now();
  #timer: NodeJS.Timeout | null = null;
  /** The quiet is over for now, and the guest's work is being looked at. */
  #looking = false;
  /** Somebody wants it awake while it is not. */
  #wanted: { readonly since: number; readonly awake: PromiseWithResolvers<void> } | null = null;

  constructor(parts: StandbyParts) {
    this.#parts = parts;
  }

  get isAsleep(): boolean {
    return this.#state === 'asleep';
  }

  /** The tool waits for the user: from now on quiet leads to standby. */
  allow(): void {
    this.#allowed = true;
    this.touch();
  }

  /** From now on the CPUs run. */
  forbid(): void {
    this.#allowed = false;
    this.touch();
  }

  /** Something happened that needs the CPUs. */
  touch(): void {
    this.awake().catch(() => {});
  }

  /** Resolves when the CPUs run; rejects when they cannot be started. After `close` it resolves at once. */
  async awake(): Promise<void> {
    this.#touchedAt = performance.now();
    if (this.#closed) return;
    if (this.#state === 'awake') return this.#arm();
    this.#wanted ??= { since: performance.now(), awake: Promise.withResolvers() };
    const { promise } = this.#wanted.awake;
    if (this.#state === 'asleep') void this.#wake();
    await promise;
  }

  /** Runs `work` with the CPUs on, from its beginning to its end. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this.#users += 1;
    try {
      await this.awake();
      return await work();
    } finally {
      this.#users -= 1;
      this.touch();
    }
  }

  /** The VM is being removed, in whatever state it is: nothing is started or waited for any more. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#wanted?.awake.resolve();
  }

  get #mayFall(): boolean {
    return this.#allowed && !this.#closed && this.#users === 0 && this.#state === 'awake';
  }

  #quietMs(): number {
    return performance.now() - this.#touchedAt;
  }

  /** One timer at most; that it was touched since is seen when it fires. */
  #arm(inMs = this.#parts.afterMs - this.#quietMs()): void {
    if (this.#parts.afterMs === 0 || !this.#mayFall || this.#looking || this.#timer !== null) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        void this.#look();
      },
      Math.max(0, inMs),
    );
  }

  /** Was it quiet for all that time? Touched meanwhile, it gets the rest of it. */
  async #look(): Promise<void> {
    const { afterMs, isBusy } = this.#parts;
    if (!this.#mayFall) return;
    if (this.#quietMs() < afterMs) return this.#arm();
    this.#looking = true;
    const busy = await isBusy().catch(() => true);
    this.#looking = false;
    const quietMs = this.#quietMs();
    if (!this.#mayFall || quietMs < afterMs) return this.#arm();
    if (!busy || quietMs >= BUSY_PATIENCE * afterMs) await this.#fall();
    else this.#arm(afterMs / BUSY_PATIENCE);
  }

  async #fall(): Promise<void> {
    const { hold, pause, warn, onStandby } = this.#parts;
    this.#state = 'falling';
    let paused = false;
    try {
      await hold();
      if (this.#wanted === null && !this.#closed) {
        // Also when it fails: whether the CPUs run is not known then.
        paused = true;
        await pause();
        if (!this.#closed) onStandby();
      }
    } catch (error) {
      if (this.#closed) return;
      this.#allowed = false;
      warn('a VM could not be put to standby, and is not any more', error);
      return await this.#wake({ paused, slept: false });
    }
    if (this.#closed) return;
    this.#state = 'asleep';
    if (this.#wanted !== null) await this.#wake({ paused, slept: paused });
  }

  async #wake({ paused, slept } = { paused: true, slept: true }): Promise<void> {
    const { resume, setClock, release, warn, onAwake, onLost } = this.#parts;
    this.#state = 'waking';
    const since = this.#wanted?.since ?? performance.now();
    try {
      if (paused) await resume();
    } catch (error) {
      this.#wanted?.awake.reject(error);
      if (!this.#closed) onLost(error);
      return;
    }
    if (paused) {
      await setClock().catch((error: unknown) => {
        if (!this.#closed) warn('the clock of a VM that was in standby is late', error);
      });
    }
    if (this.#closed) return;
    release();
    this.#state = 'awake';
    if (slept) onAwake(performance.now() - since);
    this.#wanted?.awake.resolve();
    this.#wanted = null;
    this.#arm();
  }
}
