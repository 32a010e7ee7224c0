import assert from 'node:assert/strict';
import { test } from 'node:test';
import { convertPortably, evenFrame } from '../src/pixels/i420.ts';
import { loadLibyuv } from '../src/pixels/libyuv.ts';

/** Pixels that differ everywhere, without chance. BGRX. */
function patterned(width: number, height: number): Buffer {
  const pixels = Buffer.alloc(width * height * 4);
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = (Math.imul(at + 1, 2_654_435_761) >>> 13) & 255;
  return pixels;
}

for (const [name, convertRect] of Object.entries({ libyuv: loadLibyuv(), portable: convertPortably })) {
  test(`${name}: a whole picture is converted as BT.601 says, within two steps`, () => {
    assert.ok(convertRect !== null, 'libyuv is installed where tests run');
    const [width, height] = [64, 48];
    const pixels = patterned(width, height);
    const frame = evenFrame(width, height);
    convertRect(pixels, width, frame, { x: 0, y: 0, width, height });
    const near = (at: number, expected: number) =>
      assert.ok(
        Math.abs((frame.data[at] ?? -9) - expected) <= 2,
        `byte ${at}: ${frame.data[at]}, ${expected}`,
      );
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const [blue = 0, green = 0, red = 0] = pixels.subarray((y * width + x) * 4);
        near(y * width + x, 16 + 0.257 * red + 0.504 * green + 0.098 * blue);
      }
    }
    for (let y = 0; y < height; y += 2) {
      for (let x = 0; x < width; x += 2) {
        const mean = [0, 1, 2].map((channel) =>
          [0, 4, width * 4, width * 4 + 4].reduce(
            (sum, offset) => sum + (pixels[(y * width + x) * 4 + offset + channel] ?? 0) / 4,
            0,
          ),
        );
        const [blue = 0, green = 0, red = 0] = mean;
        const at = width * height + (y / 2) * (width / 2) + x / 2;
        near(at, 128 - 0.148 * red - 0.291 * green + 0.439 * blue);
        near(at + (width * height) / 4, 128 + 0.439 * red - 0.368 * green - 0.071 * blue);
      }
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
