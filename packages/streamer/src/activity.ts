import type { Rect } from '@browser-vm/rfb';

/** Between two reports. Well below the shortest time that leads to standby, a second. Milliseconds. */
const INTERVAL = 250;
/** What blinks in a field of text. Pixels. */
const CARET = { width: 16, height: 64 };

/** Tells the host that this desktop is in use: at once, then at most four times a second. */
export class Activity {
  readonly #tell: () => void;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(tell: () => void) {
    this.#tell = tell;
  }

  noticed(): void {
    const now = performance.now();
    if (now - this.#toldAt < INTERVAL) return;
    this.#toldAt = now;
    this.#tell();
  }

  /** Whatever came before, the next is told at once. */
  reset(): void {
    this.#toldAt = Number.NEGATIVE_INFINITY;
  }

  /** A caret blinks for as long as a field has the focus; that alone is no use. */
  damaged(damage: readonly Rect[]): void {
    if (damage.some(({ width, height }) => width > CARET.width || height > CARET.height)) this.noticed();
  }
}
