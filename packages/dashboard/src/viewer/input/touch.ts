import type { Point } from './geometry.ts';

/** A finger that moved less than this has not moved. CSS pixels. */
const SLOP_PX = 10;
/** A finger that rests this long means the other button. Milliseconds. */
export const LONG_PRESS_MS = 550;
/** A finger that comes back to a trackpad this soon after a tap drags. Milliseconds. */
const TAP_AND_DRAG_MS = 300;
/** Two fingers this much farther apart are one step closer. */
const ZOOM_STEP = 1.2;

/** Direct: what is touched is meant. Trackpad: fingers move the pointer, wherever they are. */
export type TouchMode = 'direct' | 'trackpad';

/** `at` is where the fingers are; a trackpad acts where its pointer is. CSS pixels of the page. */
export type TouchAction =
  | { readonly type: 'click'; readonly button: 'left' | 'right'; readonly at: Point }
  | { readonly type: 'scroll'; readonly at: Point; readonly deltaX: number; readonly deltaY: number }
  /** Steps, in fractions; positive is closer. */
  | { readonly type: 'zoom'; readonly at: Point; readonly steps: number }
  | { readonly type: 'point'; readonly deltaX: number; readonly deltaY: number }
  | { readonly type: 'drag'; readonly pressed: boolean };

/**
 * Fingers on the picture. One: a tap clicks, a rest is the right button, and a drag scrolls what is touched, or moves
 * a trackpad's pointer; on a trackpad, a tap and a drag at once hold the left button. Two: a drag scrolls, a pinch
 * zooms, a tap is the right button.
 */
export class TouchGestures {
  readonly #mode: TouchMode;
  readonly #fingers = new Map<number, Point>();
  #state: 'none' | 'pressed' | 'moving' | 'dragging' | 'two' | 'scrolling' | 'zooming' | 'done' = 'none';
  #start: Point = { x: 0, y: 0 };
  #span = 0;
  #tappedAt = Number.NEGATIVE_INFINITY;
  #afterTap = false;

  constructor(mode: TouchMode) {
    this.#mode = mode;
  }

  /** Is there one finger that has not moved? Then `hold` is to be called once it has rested for LONG_PRESS_MS. */
  get rests(): boolean {
    return this.#state === 'pressed';
  }

  /** `now`: milliseconds of any clock that runs evenly. */
  down(id: number, at: Point, now: number): void {
    if (this.#fingers.size >= 2) return;
    this.#fingers.set(id, at);
    if (this.#fingers.size === 1) {
      this.#state = 'pressed';
      this.#start = at;
      this.#afterTap = this.#mode === 'trackpad' && now - this.#tappedAt < TAP_AND_DRAG_MS;
    } else if (this.#state === 'pressed' || this.#state === 'moving') {
      this.#state = 'two';
      this.#start = this.#centre();
      this.#span = this.#distance();
    }
  }

  move(id: number, to: Point): TouchAction | null {
    const from = this.#fingers.get(id);
    if (from === undefined) return null;
    const before = this.#centre();
    this.#fingers.set(id, to);
    const after = this.#centre();
    const far = Math.hypot(after.x - this.#start.x, after.y - this.#start.y) > SLOP_PX;
    switch (this.#state) {
      case 'pressed':
        if (!far) return null;
        this.#state = this.#afterTap ? 'dragging' : 'moving';
        if (this.#afterTap) return { type: 'drag', pressed: true };
        return this.#moved(from, to);
      case 'moving':
      case 'dragging':
        return this.#moved(from, to);
      case 'two':
        if (Math.abs(this.#distance() - this.#span) > 2 * SLOP_PX) this.#state = 'zooming';
        else if (far) this.#state = 'scrolling';
        return null;
      case 'scrolling':
        return { type: 'scroll', at: this.#start, deltaX: before.x - after.x, deltaY: before.y - after.y };
      case 'zooming': {
        const span = this.#distance();
        const steps = Math.log(span / this.#span) / Math.log(ZOOM_STEP);
        this.#span = span;
        return Number.isFinite(steps) ? { type: 'zoom', at: this.#start, steps } : null;
      }
      default:
        return null;
    }
  }

  up(id: number, now: number): TouchAction | null {
    if (!this.#fingers.delete(id)) return null;
    const state = this.#state;
    this.#state = this.#fingers.size === 0 ? 'none' : 'done';
    if (state === 'pressed') {
      this.#tappedAt = now;
      return { type: 'click', button: 'left', at: this.#start };
    }
    if (state === 'two') return { type: 'click', button: 'right', at: this.#start };
    return state === 'dragging' ? { type: 'drag', pressed: false } : null;
  }

  hold(): TouchAction | null {
    if (!this.rests) return null;
    this.#state = 'done';
    return { type: 'click', button: 'right', at: this.#start };
  }

  /** The browser took that finger away. */
  cancel(id: number): TouchAction | null {
    if (!this.#fingers.delete(id)) return null;
    const dragged = this.#state === 'dragging';
    this.#state = this.#fingers.size === 0 ? 'none' : 'done';
    return dragged ? { type: 'drag', pressed: false } : null;
  }

  #moved(from: Point, to: Point): TouchAction {
    const [deltaX, deltaY] = [to.x - from.x, to.y - from.y];
    if (this.#mode === 'trackpad') return { type: 'point', deltaX, deltaY };
    // A finger moves the picture, not the page's view of it.
    return { type: 'scroll', at: this.#start, deltaX: from.x - to.x, deltaY: from.y - to.y };
  }

  #centre(): Point {
    const points = [...this.#fingers.values()];
    const sum = points.reduce((all, { x, y }) => ({ x: all.x + x, y: all.y + y }), { x: 0, y: 0 });
    return { x: sum.x / points.length, y: sum.y / points.length };
  }

  #distance(): number {
    const [a, b] = [...this.#fingers.values()];
    return a === undefined || b === undefined ? 0 : Math.hypot(a.x - b.x, a.y - b.y);
  }
}
