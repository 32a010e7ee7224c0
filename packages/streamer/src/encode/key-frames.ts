/** How often is looked after the last frame, and how many times. Milliseconds. */
const INTERVAL_MS = 600;
/**
 * Together well below 3 s: a receiver that has heard nothing for that long asks for a key frame although
 * it misses nothing, and answering that would make a desktop at rest send for ever.
 */
const LOOKS = 4;

/**
 * A viewer that lost packets of the last frame asks for a key frame, but encoders make one of the next
 * frame only, and at rest there is none. This looks for such requests for a moment after the last frame.
 */
export class KeyFrameWatch {
  readonly #count: () => Promise<number>;
  readonly #missed: () => void;
  #timer: NodeJS.Timeout | null = null;
  #round = 0;

  /** count: requests of all viewers so far; missed: called when there was one that no frame answers. */
  constructor(count: () => Promise<number>, missed: () => void) {
    this.#count = count;
    this.#missed = missed;
  }

  /** The last frame for now has been sent. */
  rested(): void {
    this.cancel();
    void this.#look(this.#round, LOOKS, null);
  }

  /** Frames flow again, or nobody is there. */
  cancel(): void {
    this.#round += 1;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #look(round: number, left: number, before: number | null): Promise<void> {
    const count = await this.#count();
    if (round !== this.#round) return;
    if (before !== null && count > before) {
      this.#missed();
      return;
    }
    if (left === 0) return;
    this.#timer = setTimeout(() => void this.#look(round, left - 1, count), INTERVAL_MS);
  }
}
