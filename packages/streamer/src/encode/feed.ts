import { type Rect, union } from '@browser-vm/rfb';
import { convertRect } from '../pixels/convert.ts';
import { evenFrame, type I420Frame } from '../pixels/i420.ts';
import { type MediaTrack, RTCVideoSource } from '../transport/wrtc.ts';

/** The pixels a feed reads when it is time for a frame. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** BGRX. */
  readonly pixels: Buffer;
}

export interface FeedListener {
  /** Frames flow, or nobody watches. */
  moving(): void;
  /** The last frame for now has been pushed. */
  rested(): void;
}

/**
 * Pauses before each repetition of a picture at rest, milliseconds. The encoder spends its bits on a
 * changed picture over several frames; after these the text is sharp, and a lost packet was made good.
 */
const REPEATS = [40, 60, 100, 150, 250, 400, 1000] as const;
/** More damaged rectangles than this are converted as the one that holds them. */
const MAX_RECTS = 64;

/**
 * Frames for the encoders of all viewers: one track, pushed when pixels changed and not more often than
 * the interval, then repeated a few times until sharp, then nothing.
 */
export class VideoFeed {
  readonly track: MediaTrack;
  readonly #source = new RTCVideoSource({ isScreencast: true, needsDenoising: false });
  readonly #minIntervalMs: number;
  readonly #listener: FeedListener;
  #picture: Picture;
  #frame: I420Frame;
  #dirty: Rect[] = [];
  #watched = false;
  #pushedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;
  #repeat = 0;

  /** minIntervalMs: shortest time between two frames, milliseconds. */
  constructor(picture: Picture, minIntervalMs: number, listener: FeedListener) {
    this.#listener = listener;
    this.track = this.#source.createTrack();
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

  /** These parts of the picture changed. */
  damaged(damage: readonly Rect[]): void {
    this.#dirty.push(...damage);
    if (this.#dirty.length > MAX_RECTS) this.#dirty = [this.#dirty.reduce(union)];
    if (this.#watched) this.#schedule(this.#minIntervalMs);
  }

  /** The pixels are no longer those of this picture: what was shown last stays, until another is. */
  keep(): void {
    this.#dirty = [];
  }

  /** While nobody watches, damage is only remembered. */
  watch(watched: boolean): void {
    this.#watched = watched;
    if (watched) return;
    this.#cancel();
    this.#listener.moving();
  }

  /** Somebody has no picture yet: the present one again, now, and until it is sharp. */
  refresh(): void {
    this.#repeat = 0;
    if (this.#watched) this.#schedule(0);
  }

  /** The same frame once more, and nothing after it. */
  repeat(): void {
    if (!this.#watched || this.#timer !== null) return;
    this.#pushedAt = performance.now();
    this.#source.onFrame(this.#frame);
  }

  close(): void {
    this.#cancel();
    this.track.stop();
  }

  #cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #schedule(pauseMs: number): void {
    this.#cancel();
    const waitMs = this.#pushedAt + pauseMs - performance.now();
    // Timers of Node are late by up to a millisecond, never early; below one it is time.
    if (waitMs < 1) this.#push();
    else this.#timer = setTimeout(() => this.#push(), waitMs);
  }

  #push(): void {
    this.#timer = null;
    if (this.#dirty.length > 0) {
      for (const rect of this.#dirty)
        convertRect(this.#picture.pixels, this.#picture.width, this.#frame, rect);
      this.#dirty = [];
      this.#repeat = 0;
    }
    this.#pushedAt = performance.now();
    this.#source.onFrame(this.#frame);
    const pause = REPEATS[this.#repeat];
    if (pause === undefined) {
      this.#listener.rested();
      return;
    }
    if (this.#repeat === 0) this.#listener.moving();
    this.#repeat += 1;
    this.#schedule(Math.max(pause, this.#minIntervalMs));
  }
}
