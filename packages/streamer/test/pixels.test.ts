import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { convertPortably, evenFrame } from '../src/pixels/i420.ts';
import { loadLibyuv } from '../src/pixels/libyuv.ts';

const { nonstandard } = createRequire(import.meta.url)('@roamhq/wrtc') as {
  nonstandard: {
    rgbaToI420(
      from: { width: number; height: number; data: Uint8ClampedArray },
      to: { width: number; height: number; data: Uint8ClampedArray },
    ): void;
  };
};

/** Pixels that differ everywhere, without chance. BGRX. */
function patterned(width: number, height: number): Buffer {
  const pixels = Buffer.alloc(width * height * 4);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = (Math.imul(at + 1, 2_654_435_761) >>> 13) & 255;
  return pixels;
}

for (const [name, convertRect] of Object.entries({ libyuv: loadLibyuv(), portable: convertPortably })) {
  test(`${name}: a whole picture is converted as by libwebrtc, within two steps`, () => {
    assert.ok(convertRect !== null, 'libyuv is installed where tests run');
    const [width, height] = [64, 48];
    const pixels = patterned(width, height);
    const frame = evenFrame(width, height);
    convertRect(pixels, width, frame, { x: 0, y: 0, width, height });
    const rgba = new Uint8ClampedArray(pixels);
    for (let at = 0; at < rgba.length; at += 4) {
      rgba[at] = pixels[at + 2]!;
      rgba[at + 2] = pixels[at]!;
    }
    const expected = { width, height, data: new Uint8ClampedArray(frame.data.length) };
    nonstandard.rgbaToI420({ width, height, data: rgba }, expected);
    for (const [at, value] of frame.data.entries()) {
      assert.ok(Math.abs(value - expected.data[at]!) <= 2, `byte ${at}: ${value}, ${expected.data[at]}`);
    }
  });

  test(`${name}: converting what changed, rectangle by rectangle, equals converting all`, () => {
    assert.ok(convertRect !== null);
    for (const [width, height] of [
      [64, 48],
      [65, 47],
      [2, 2],
      [3, 5],
    ] as const) {
      const pixels = patterned(width, height);
      const whole = evenFrame(width, height);
      convertRect(pixels, width, whole, { x: 0, y: 0, width, height });
      const parts = evenFrame(width, height);
      for (let y = 0; y < height; y += 7) {
        for (let x = 0; x < width; x += 5) {
          convertRect(pixels, width, parts, {
            x,
            y,
            width: Math.min(5, width - x),
            height: Math.min(7, height - y),
          });
        }
      }
      assert.deepEqual(parts, whole, `${width}x${height}`);
    }
  });
}
