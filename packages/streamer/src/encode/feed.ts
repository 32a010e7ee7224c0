import { type Rect, union } from '@browser-vm/rfb';
import { convertRect } from '../pixels/convert.ts';
import { evenFrame, type I420Frame } from '../pixels/i420.ts';

/** The pixels a feed reads when it is time for a frame. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** BGRX. */
  readonly pixels: Buffer;
}

/** Takes the frames. */
export interface FrameTaker {
  /** The frame is another one each time the size is; its data changes only just before this is called. */
  take(frame: I420Frame, damage: readonly Rect[]): void;
}

/** More damaged rectangles than this are converted as the one that holds them. */
const MAX_RECTS = 64;

/** Frames for all viewers: taken when pixels changed, not more often than the interval, and then not any more. */
export class VideoFeed {
  readonly #minIntervalMs: number;
  readonly #takers = new Set<FrameTaker>();
  #picture: Picture;
  #frame: I420Frame;
  #dirty: Rect[] = [];
  #takenAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  /** minIntervalMs: shortest time between two frames, milliseconds. */
  constructor(picture: Picture, minIntervalMs: number) {
    this.#minIntervalMs = minIntervalMs;
    this.#picture = picture;
    this.#frame = evenFrame(picture.width, picture.height);
    this.show(picture);
  }

  get size(): { readonly width: number; readonly height: number } {
    return { width: this.#picture.width, height: this.#picture.height };
  }

  /** Shows another picture from now on. Its pixels are read each time it is damaged. */
  show(picture: Picture): void {
    this.#picture = picture;
    this.#frame = evenFrame(picture.width, picture.height);
    this.damaged([{ x: 0, y: 0, width: picture.width, height: picture.height }]);
  }

  /** These parts of the picture changed. While nobody takes frames, that is only remembered. */
  damaged(damage: readonly Rect[]): void {
    this.#dirty.push(...damage);
    if (this.#dirty.length > MAX_RECTS) this.#dirty = [this.#dirty.reduce(union)];
    if (this.#takers.size > 0) this.#schedule();
  }

  /** The pixels are no longer those of this picture: what was shown last stays, until another is. */
  keep(): void {
    this.#dirty = [];
  }

  /** From now on this one takes frames too, the present one at once. */
  add(taker: FrameTaker): void {
    if (this.#takers.has(taker)) return;
    this.#give();
    this.#takers.add(taker);
    taker.take(this.#frame, [{ x: 0, y: 0, width: this.#frame.width, height: this.#frame.height }]);
  }

  remove(taker: FrameTaker): void {
    this.#takers.delete(taker);
    if (this.#takers.size === 0) this.#cancel();
  }

  close(): void {
    this.#takers.clear();
    this.#cancel();
  }

  #cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #schedule(): void {
    this.#cancel();
    const waitMs = this.#takenAt + this.#minIntervalMs - performance.now();
    // Timers of Node are late by up to a millisecond, never early; below one it is time.
    if (waitMs < 1) this.#give();
    else this.#timer = setTimeout(() => this.#give(), waitMs);
  }

  #give(): void {
    this.#cancel();
    const damage = this.#dirty;
    if (damage.length === 0) return;
    this.#dirty = [];
    for (const rect of damage) convertRect(this.#picture.pixels, this.#picture.width, this.#frame, rect);
    this.#takenAt = performance.now();
    for (const taker of this.#takers) taker.take(this.#frame, damage);
  }
}
