import type { Rect } from './framebuffer.ts';

/** More rectangles than this in one update are given as the one that holds them all. */
const MAX_RECTS = 64;

/** The rectangle that holds both. */
export function union(a: Rect, b: Rect): Rect {
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return {
    x,
    y,
    width: Math.max(a.x + a.width, b.x + b.width) - x,
    height: Math.max(a.y + a.height, b.y + b.height) - y,
  };
}

/** What one update changed, as few rectangles: strips that continue each other are joined. */
export class Damage {
  #rects: Rect[] = [];

  add(rect: Rect): void {
    if (rect.width === 0 || rect.height === 0) return;
    const last = this.#rects.at(-1);
    if (
      last !== undefined &&
      last.x === rect.x &&
      last.width === rect.width &&
      last.y + last.height === rect.y
    ) {
      this.#rects[this.#rects.length - 1] = { ...last, height: last.height + rect.height };
    } else if (this.#rects.length < MAX_RECTS) {
      this.#rects.push(rect);
    } else {
      this.#rects = [this.#rects.reduce(union, rect)];
    }
  }

  /** Everything since the last call. */
  take(): readonly Rect[] {
    const rects = this.#rects;
    this.#rects = [];
    return rects;
  }
}

/** Which pixels have been sent at least once: knows when a picture is whole. */
export class Coverage {
  readonly #width: number;
  readonly #seen: Uint8Array;
  #missing: number;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#seen = new Uint8Array(width * height);
    this.#missing = width * height;
  }

  add(rect: Rect): void {
    for (let y = rect.y; y < rect.y + rect.height; y += 1) {
      for (let at = y * this.#width + rect.x, end = at + rect.width; at < end; at += 1) {
        this.#missing -= 1 - this.#seen[at]!;
        this.#seen[at] = 1;
      }
    }
  }

  get whole(): boolean {
    return this.#missing === 0;
  }
}
