import type { Rect } from '@browser-vm/rfb';
import koffi from 'koffi';
import { type Convert, evenRect, type I420Frame } from './i420.ts';

/** Debian's package libyuv0; its functions have had these arguments for a decade. */
const LIBRARY = 'libyuv.so.0';

/** Conversion by libyuv, ten times as fast as ours; null where the library is not installed. */
export function loadLibyuv(): Convert | null {
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load(LIBRARY);
  } catch {
    return null;
  }
  // ARGB is the order in a little-endian word: BGRX in memory.
  const argbToI420 = library.func(
    'int ARGBToI420(const uint8_t *argb, int argbStride, uint8_t *y, int yStride, uint8_t *u, int uStride, uint8_t *v, int vStride, int width, int height)',
  );
  return (pixels: Buffer, stride: number, frame: I420Frame, rect: Rect) => {
    const part = evenRect(stride, frame, rect);
    if (part === null) return;
    const { x, y, width, height } = part;
    // Native code checks nothing.
    if (pixels.length < ((y + height - 1) * stride + x + width) * 4) {
      throw new Error(`a picture of ${pixels.length} bytes is too small for its size`);
    }
    const chromaStride = frame.width >> 1;
    const luma = frame.width * frame.height;
    const lumaAt = y * frame.width + x;
    const chromaAt = (y >> 1) * chromaStride + (x >> 1);
    argbToI420(
      pixels.subarray((y * stride + x) * 4),
      stride * 4,
      frame.data.subarray(lumaAt),
      frame.width,
      frame.data.subarray(luma + chromaAt),
      chromaStride,
      frame.data.subarray(luma + (luma >> 2) + chromaAt),
      chromaStride,
      width,
      height,
    );
  };
}
