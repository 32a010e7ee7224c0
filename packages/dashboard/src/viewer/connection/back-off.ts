/** Runs something after a pause that doubles each time. Milliseconds. */
export class BackOff {
  readonly #firstMs: number;
  readonly #mostMs: number;
  #pauseMs: number;
  #pending: (() => void) | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(pauses: { readonly firstMs: number; readonly mostMs: number }) {
    this.#firstMs = pauses.firstMs;
    this.#mostMs = pauses.mostMs;
    this.#pauseMs = pauses.firstMs;
  }

  /** In place of what waits. */
  schedule(run: () => void): void {
    this.cancel();
    this.#pending = run;
    this.#timer = setTimeout(() => this.#run(), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, this.#mostMs);
  }

  /** What waits, if anything does, waits no longer. */
  hurry(): void {
    if (this.#pending !== null) this.#run();
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#pending = null;
  }

  /** The next pause is the first again. */
  reset(): void {
    this.#pauseMs = this.#firstMs;
  }

  #run(): void {
    const run = this.#pending;
    this.cancel();
    run?.();
  }
}
