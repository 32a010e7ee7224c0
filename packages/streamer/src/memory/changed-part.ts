import type { Rect } from '@browser-vm/rfb';

/** Pixels; to this the sides of a changed part are rounded outwards. */
const STEP = 8;

/** The part of two pictures of that size in which they differ, BGRX both; null: they do not. */
export function changedPart(before: Buffer, after: Buffer, width: number, height: number): Rect | null {
  const stride = width * 4;
  const differs = (row: number, from: number, to: number) =>
    after.compare(
      before,
      row * stride + from * 4,
      row * stride + to * 4,
      row * stride + from * 4,
      row * stride + to * 4,
    ) !== 0;
  let top = 0;
  while (top < height && !differs(top, 0, width)) top += 1;
  if (top === height) return null;
  let bottom = height;
  while (!differs(bottom - 1, 0, width)) bottom -= 1;
  let left = width;
  let right = 0;
  for (let row = top; row < bottom; row += 1) {
    for (let x = 0; x < left; x += STEP) {
      if (!differs(row, x, Math.min(x + STEP, width))) continue;
      left = x;
      break;
    }
    for (let x = Math.ceil(width / STEP) * STEP; x > right; x -= STEP) {
      if (!differs(row, Math.max(x - STEP, 0), Math.min(x, width))) continue;
      right = Math.min(x, width);
      break;
    }
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}
