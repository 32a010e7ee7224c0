import { RfbError } from './errors.ts';
import type { Rect } from './framebuffer.ts';
import type { Parse } from './incoming.ts';
import { LIMITS } from './limits.ts';

export interface Cursor {
  readonly width: number;
  readonly height: number;
  readonly hotspotX: number;
  readonly hotspotY: number;
  /** Straight alpha, row by row; empty for an invisible cursor. */
  readonly rgba: Buffer;
}

function bounded(rect: Rect): void {
  if (rect.width > LIMITS.cursorSide || rect.height > LIMITS.cursorSide) {
    throw new RfbError(
      'limit',
      `cursor of ${rect.width}x${rect.height}, allowed is ${LIMITS.cursorSide} a side`,
    );
  }
}

function cursorOf(rect: Rect, rgba: Buffer): Cursor {
  return {
    width: rect.width,
    height: rect.height,
    // A hotspot outside of the shape means nothing; keep it on its last pixel.
    hotspotX: Math.min(rect.x, Math.max(0, rect.width - 1)),
    hotspotY: Math.min(rect.y, Math.max(0, rect.height - 1)),
    rgba,
  };
}

/** Cursor pseudo-encoding (-239): BGRX pixels, then a bit mask of the visible ones. */
export function* parseCursor(rect: Rect): Parse<Cursor> {
  bounded(rect);
  const maskStride = (rect.width + 7) >> 3;
  const pixelBytes = rect.width * rect.height * 4;
  const data = yield pixelBytes + maskStride * rect.height;
  const rgba = Buffer.alloc(pixelBytes);
  for (let y = 0; y < rect.height; y += 1) {
    for (let x = 0; x < rect.width; x += 1) {
      if ((data[pixelBytes + y * maskStride + (x >> 3)]! & (0x80 >> (x & 7))) === 0) continue;
      const at = (y * rect.width + x) * 4;
      rgba[at] = data[at + 2]!;
      rgba[at + 1] = data[at + 1]!;
      rgba[at + 2] = data[at]!;
      rgba[at + 3] = 255;
    }
  }
  return cursorOf(rect, rgba);
}

/** Cursor-with-alpha pseudo-encoding (-314): its own encoding (raw alone is accepted), premultiplied RGBA. */
export function* parseAlphaCursor(rect: Rect): Parse<Cursor> {
  bounded(rect);
  const encoding = (yield 4).readInt32BE(0);
  if (encoding !== 0) throw new RfbError('protocol', `cursor in encoding ${encoding}, only raw was offered`);
  const data = yield rect.width * rect.height * 4;
  const rgba = Buffer.alloc(data.length);
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3]!;
    if (alpha === 0) continue;
    for (let part = 0; part < 3; part += 1) {
      rgba[at + part] = Math.min(255, Math.round((data[at + part]! * 255) / alpha));
    }
    rgba[at + 3] = alpha;
  }
  return cursorOf(rect, rgba);
}
