import type { Rect } from '@browser-vm/rfb';

/** A picture as video encoders want it: luma, then two planes of chroma at half the size each way. */
export interface I420Frame {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Video has even sides: an odd last row or column of the desktop is left out. At least 2x2. */
export function evenFrame(width: number, height: number): I420Frame {
  const evenWidth = Math.max(2, width & ~1);
  const evenHeight = Math.max(2, height & ~1);
  const luma = evenWidth * evenHeight;
  const data = new Uint8Array(luma + luma / 2);
  data.fill(16, 0, luma);
  data.fill(128, luma);
  return { width: evenWidth, height: evenHeight, data };
}

/** BGRX pixels as 32-bit words, without a copy where the memory allows it. */
function wordsOf(pixels: Buffer): Uint32Array {
  const words = pixels.length >> 2;
  if (pixels.byteOffset % 4 === 0) return new Uint32Array(pixels.buffer, pixels.byteOffset, words);
  const copy = new Uint8Array(pixels);
  return new Uint32Array(copy.buffer, 0, words);
}

/**
 * Converts one rectangle of a BGRX desktop into the frame (BT.601, limited range, chroma from the mean
 * of four pixels). `stride`: the desktop's width in pixels. Parts outside are ignored.
 */
export type Convert = (pixels: Buffer, stride: number, frame: I420Frame, rect: Rect) => void;

/** The part of `rect` that is in the frame, from even to even; null: nothing of it. */
export function evenRect(stride: number, frame: I420Frame, rect: Rect): Rect | null {
  const x = rect.x & ~1;
  const y = rect.y & ~1;
  const right = Math.min(frame.width, (rect.x + rect.width + 1) & ~1, stride & ~1);
  const bottom = Math.min(frame.height, (rect.y + rect.height + 1) & ~1);
  return right > x && bottom > y ? { x, y, width: right - x, height: bottom - y } : null;
}

/** Without any library. */
export function convertPortably(pixels: Buffer, stride: number, frame: I420Frame, rect: Rect): void {
  const part = evenRect(stride, frame, rect);
  if (part === null) return;
  const words = wordsOf(pixels);
  const { x: left, y: top } = part;
  const right = left + part.width;
  const bottom = top + part.height;
  const { width, data } = frame;
  const chromaWidth = width >> 1;
  const uPlane = width * frame.height;
  const vPlane = uPlane + (uPlane >> 2);
  for (let y = top; y < bottom; y += 2) {
    let upper = y * stride + left;
    let lumaAt = y * width + left;
    let chromaAt = (y >> 1) * chromaWidth + (left >> 1);
    for (let x = left; x < right; x += 2) {
      const a = words[upper]!;
      const b = words[upper + 1]!;
      const c = words[upper + stride]!;
      const d = words[upper + stride + 1]!;
      upper += 2;
      const redA = (a >>> 16) & 255;
      const redB = (b >>> 16) & 255;
      const redC = (c >>> 16) & 255;
      const redD = (d >>> 16) & 255;
      const greenA = (a >>> 8) & 255;
      const greenB = (b >>> 8) & 255;
      const greenC = (c >>> 8) & 255;
      const greenD = (d >>> 8) & 255;
      const blueA = a & 255;
      const blueB = b & 255;
      const blueC = c & 255;
      const blueD = d & 255;
      data[lumaAt] = (66 * redA + 129 * greenA + 25 * blueA + 4224) >> 8;
      data[lumaAt + 1] = (66 * redB + 129 * greenB + 25 * blueB + 4224) >> 8;
      data[lumaAt + width] = (66 * redC + 129 * greenC + 25 * blueC + 4224) >> 8;
      data[lumaAt + width + 1] = (66 * redD + 129 * greenD + 25 * blueD + 4224) >> 8;
      lumaAt += 2;
      const red = redA + redB + redC + redD;
      const green = greenA + greenB + greenC + greenD;
      const blue = blueA + blueB + blueC + blueD;
      data[uPlane + chromaAt] = (112 * blue - 74 * green - 38 * red + 131_584) >> 10;
      data[vPlane + chromaAt] = (112 * red - 94 * green - 18 * blue + 131_584) >> 10;
      chromaAt += 1;
    }
  }
}
