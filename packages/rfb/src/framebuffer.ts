import { RfbError } from './errors.ts';
import type { Sink } from './incoming.ts';
import { LIMITS } from './limits.ts';

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const BYTES_PER_PIXEL = 4;

/** The desktop's pixels: BGRX, 4 bytes each, rows without padding. Its memory only grows. */
export class Framebuffer {
  width = 0;
  height = 0;
  pixels: Buffer = Buffer.alloc(0);
  #memory: Buffer = Buffer.alloc(0);

  /** Makes it that size, black. True when the size is new. */
  resize(width: number, height: number): boolean {
    if (width < 1 || height < 1 || width > LIMITS.side || height > LIMITS.side) {
      throw new RfbError('limit', `desktop of ${width}x${height}, allowed is 1 to ${LIMITS.side} a side`);
    }
    if (width === this.width && height === this.height) return false;
    const bytes = width * height * BYTES_PER_PIXEL;
    if (bytes > this.#memory.length) this.#memory = Buffer.alloc(bytes);
    this.width = width;
    this.height = height;
    this.pixels = this.#memory.subarray(0, bytes).fill(0);
    return true;
  }

  /** Throws `limit` for a rectangle that is not inside. */
  assertInside(rect: Rect): void {
    if (rect.x + rect.width > this.width || rect.y + rect.height > this.height) {
      throw new RfbError(
        'limit',
        `rectangle ${rect.width}x${rect.height}+${rect.x}+${rect.y} outside of ${this.width}x${this.height}`,
      );
    }
  }

  /** Takes a raw rectangle's bytes as they come and puts them where they belong. */
  rawSink(rect: Rect): Sink {
    this.assertInside(rect);
    const pixels = this.pixels;
    const rowBytes = rect.width * BYTES_PER_PIXEL;
    const stride = this.width * BYTES_PER_PIXEL;
    let row = rect.y * stride + rect.x * BYTES_PER_PIXEL;
    let done = 0;
    return {
      length: rowBytes * rect.height,
      write(chunk) {
        if (rowBytes === stride) {
          chunk.copy(pixels, row + done);
          done += chunk.length;
          return;
        }
        let at = 0;
        while (at < chunk.length) {
          const take = Math.min(rowBytes - done, chunk.length - at);
          chunk.copy(pixels, row + done, at, at + take);
          at += take;
          done += take;
          if (done === rowBytes) {
            done = 0;
            row += stride;
          }
        }
      },
    };
  }

  /** Moves pixels within; source and target may overlap. */
  copy(target: Rect, sourceX: number, sourceY: number): void {
    this.assertInside(target);
    this.assertInside({ ...target, x: sourceX, y: sourceY });
    const stride = this.width * BYTES_PER_PIXEL;
    const rowBytes = target.width * BYTES_PER_PIXEL;
    for (let step = 0; step < target.height; step += 1) {
      const row = sourceY < target.y ? target.height - 1 - step : step;
      const from = (sourceY + row) * stride + sourceX * BYTES_PER_PIXEL;
      this.pixels.copy(
        this.pixels,
        (target.y + row) * stride + target.x * BYTES_PER_PIXEL,
        from,
        from + rowBytes,
      );
    }
  }
}
