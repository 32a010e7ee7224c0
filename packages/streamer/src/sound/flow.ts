import { FRAME_MS } from './libopus.ts';

/** Sound that comes so much faster than it plays is heard so much later. Milliseconds. */
const MOST_MS = 200;
/** Once it is too much, frames are left out until no more than this is left. Milliseconds. */
const LEFT_MS = 40;
/** So much at once is no hiccup of a machine: what is on its way is not worth waiting for. Milliseconds. */
const FLOOD_MS = 2000;
/** Without sound for longer than this, the next begins at its own time. Milliseconds. */
const GAP_MS = 200;

/**
 * Which frames of a sound are heard, and when, from when they came: those that would make all that follows late are
 * left out. Times in milliseconds.
 */
export class SoundFlow {
  /** What came and is not played yet, if each frame is played for as long as it lasts. */
  #waitingMs = 0;
  #floodMs = 0;
  #cameAtMs = Number.NEGATIVE_INFINITY;
  #playsAtMs = Number.NEGATIVE_INFINITY;
  #leavesOut = false;

  /** When the frame that came now is to be heard; null: not at all. */
  came(nowMs: number): number | null {
    const pastMs = nowMs - this.#cameAtMs;
    this.#cameAtMs = nowMs;
    this.#waitingMs = Math.max(0, this.#waitingMs - pastMs);
    this.#floodMs = Math.max(0, this.#floodMs - pastMs) + FRAME_MS;
    if (this.#waitingMs + FRAME_MS > MOST_MS) this.#leavesOut = true;
    else if (this.#waitingMs <= LEFT_MS) this.#leavesOut = false;
    if (this.#leavesOut) return null;
    this.#waitingMs += FRAME_MS;
    const nextMs = this.#playsAtMs + FRAME_MS;
    this.#playsAtMs = nextMs < nowMs - GAP_MS ? nowMs : nextMs;
    return this.#playsAtMs;
  }

  /** More has come than any sound is worth. */
  get isFlood(): boolean {
    return this.#floodMs > FLOOD_MS;
  }
}
