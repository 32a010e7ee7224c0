import { clamp } from './geometry.ts';

/** CSS pixels of a line, as browsers scroll by default. */
const LINE_PX = 40;
/** CSS pixels of a page where the viewer's height is not known. */
const PAGE_PX = 720;
/** How far Chromium scrolls at one step of the guest's wheel. CSS pixels. */
export const WHEEL_STEP_PX = 120;
/** Bound of the protocol. CSS pixels. */
const MAX_DELTA = 10_000;

export interface WheelDelta {
  readonly deltaX: number;
  readonly deltaY: number;
}

/** A wheel event's movement in CSS pixels, whatever unit the browser gave it in. `mode` is `WheelEvent.deltaMode`. */
export function wheelPixels(
  deltaX: number,
  deltaY: number,
  mode: number,
  pagePx: number = PAGE_PX,
): WheelDelta {
  const unit = mode === 1 ? LINE_PX : mode === 2 ? pagePx : 1;
  return bounded({ deltaX: deltaX * unit, deltaY: deltaY * unit });
}

export function addWheel(a: WheelDelta, b: WheelDelta): WheelDelta {
  return bounded({ deltaX: a.deltaX + b.deltaX, deltaY: a.deltaY + b.deltaY });
}

function bounded({ deltaX, deltaY }: WheelDelta): WheelDelta {
  return { deltaX: clamp(deltaX, -MAX_DELTA, MAX_DELTA), deltaY: clamp(deltaY, -MAX_DELTA, MAX_DELTA) };
}
