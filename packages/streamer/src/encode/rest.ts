/** What the encoders of all viewers have done so far. */
export interface Encoded {
  /** Times a key frame was asked for. */
  readonly keyFrameRequests: number;
  readonly frames: number;
  /** Sum over the frames of VP8's quantiser, 0 to 127 each; lower is sharper. */
  readonly quantisers: number;
}

export interface RestWatchListener {
  /** The same frame once more: the picture is to become sharper. */
  repeat(): void;
  /** A request for a key frame that no frame answers. */
  missed(): void;
}

/** How often is looked after the last frame, and how many times. Milliseconds. */
const INTERVAL_MS = 600;
/**
 * Together well below 3 s: a receiver that has heard nothing for that long asks for a key frame although
 * it misses nothing, and answering that would make a desktop at rest send for ever.
 */
const LOOKS = 4;
/** Text is sharp from here on down. */
const SHARP = 40;
/** Between repetitions for sharpness (milliseconds), and how many of them: a link of 200 kbit/s needs them all. */
const SHARPEN = { intervalMs: 200, times: 40 } as const;

/**
 * Sees to a picture at rest. On a narrow link it is not sharp yet when the last frame for now is sent: this
 * has it repeated until it is. And a viewer that lost packets of the last frame asks for a key frame, but
 * encoders make one of the next frame only, and at rest there is none: this looks for such requests.
 */
export class RestWatch {
  readonly #encoded: () => Promise<Encoded>;
  readonly #listener: RestWatchListener;
  #timer: NodeJS.Timeout | null = null;
  #round = 0;

  constructor(encoded: () => Promise<Encoded>, listener: RestWatchListener) {
    this.#encoded = encoded;
    this.#listener = listener;
  }

  /** The last frame for now has been sent. */
  rested(): void {
    this.cancel();
    void this.#begin(this.#round);
  }

  /** Frames flow again, or nobody is there. */
  cancel(): void {
    this.#round += 1;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #begin(round: number): Promise<void> {
    const encoded = await this.#encoded();
    if (round === this.#round) this.#sharpen(round, SHARPEN.times, encoded);
  }

  /** One repetition more, whose quantiser says whether it was the last. */
  #sharpen(round: number, left: number, before: Encoded): void {
    this.#listener.repeat();
    this.#later(round, SHARPEN.intervalMs, (now) => {
      const frames = now.frames - before.frames;
      // An encoder that is out of bits drops frames: then nothing is known yet.
      const isSharp = frames > 0 && (now.quantisers - before.quantisers) / frames <= SHARP;
      if (now.keyFrameRequests > before.keyFrameRequests) this.#listener.missed();
      else if (isSharp || left === 1) this.#look(round, LOOKS, now);
      else this.#sharpen(round, left - 1, now);
    });
  }

  #look(round: number, left: number, before: Encoded): void {
    if (left === 0) return;
    this.#later(round, INTERVAL_MS, (now) => {
      if (now.keyFrameRequests > before.keyFrameRequests) this.#listener.missed();
      else this.#look(round, left - 1, now);
    });
  }

  #later(round: number, pauseMs: number, then: (now: Encoded) => void): void {
    this.#timer = setTimeout(async () => {
      const now = await this.#encoded();
      if (round === this.#round) then(now);
    }, pauseMs);
  }
}
