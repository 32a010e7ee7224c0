import type { Point } from './geometry.ts';

/** A finger that moved less than this has not moved. CSS pixels. */
const SLOP_PX = 10;
/** A finger that rests this long means the other button. Milliseconds. */
export const LONG_PRESS_MS = 550;

export type TouchAction =
  | { readonly type: 'click'; readonly button: 'left' | 'right'; readonly at: Point }
  | { readonly type: 'scroll'; readonly at: Point; readonly deltaX: number; readonly deltaY: number };

/** One finger on the picture: a tap clicks, a drag scrolls the page under it, a long press is the right button. */
export class TouchGesture {
  readonly #start: Point;
  #last: Point;
  #state: 'pressed' | 'scrolling' | 'done' = 'pressed';

  constructor(start: Point) {
    this.#start = start;
    this.#last = start;
  }

  move(to: Point): TouchAction | null {
    if (this.#state === 'pressed' && Math.hypot(to.x - this.#start.x, to.y - this.#start.y) > SLOP_PX) {
      this.#state = 'scrolling';
    }
    if (this.#state !== 'scrolling') return null;
    const action = {
      type: 'scroll',
      at: this.#start,
      deltaX: this.#last.x - to.x,
      deltaY: this.#last.y - to.y,
    } as const;
    this.#last = to;
    return action;
  }

  /** To be called once the finger has rested for LONG_PRESS_MS. */
  hold(): TouchAction | null {
    return this.#finish('right');
  }

  end(): TouchAction | null {
    return this.#finish('left');
  }

  cancel(): void {
    this.#state = 'done';
  }

  #finish(button: 'left' | 'right'): TouchAction | null {
    const clicked = this.#state === 'pressed';
    if (clicked || button === 'left') this.#state = 'done';
    return clicked ? { type: 'click', button, at: this.#start } : null;
  }
}
