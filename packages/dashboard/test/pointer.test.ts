import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fittedBox, toDesktop } from '../src/viewer/input/geometry.ts';
import { TouchGesture } from '../src/viewer/input/touch.ts';
import { addWheel, wheelPixels } from '../src/viewer/input/wheel.ts';

const DESKTOP = { width: 1280, height: 720 };

test('a point of the page is the pixel of the desktop shown under it', () => {
  const box = { left: 100, top: 50, width: 640, height: 360 };
  assert.deepEqual(toDesktop({ x: 100, y: 50 }, box, DESKTOP), { x: 0, y: 0 });
  assert.deepEqual(toDesktop({ x: 420, y: 230 }, box, DESKTOP), { x: 640, y: 360 });
  assert.deepEqual(toDesktop({ x: 739.9, y: 409.9 }, box, DESKTOP), { x: 1279, y: 719 });
});

test('beside the picture, in the bars of a box of another shape, its nearest edge is meant', () => {
  const tall = { left: 0, top: 0, width: 390, height: 600 };
  const shown = fittedBox(tall, DESKTOP);
  assert.equal(Math.round(shown.height), 219);
  assert.deepEqual(toDesktop({ x: 195, y: 10 }, tall, DESKTOP), { x: 640, y: 0 });
  assert.deepEqual(toDesktop({ x: -5, y: 599 }, tall, DESKTOP), { x: 0, y: 719 });
});

test('a box without size means the first pixel', () => {
  assert.deepEqual(toDesktop({ x: 5, y: 5 }, { left: 0, top: 0, width: 0, height: 0 }, DESKTOP), {
    x: 0,
    y: 0,
  });
});

test('a wheel step is the same in pixels, lines and pages, and stays within the bound of the protocol', () => {
  assert.deepEqual(wheelPixels(0, 120, 0), { deltaX: 0, deltaY: 120 });
  assert.deepEqual(wheelPixels(0, 3, 1), { deltaX: 0, deltaY: 120 });
  assert.deepEqual(wheelPixels(0, -1, 2, 720), { deltaX: 0, deltaY: -720 });
  assert.deepEqual(wheelPixels(1e9, 0, 0), { deltaX: 10_000, deltaY: 0 });
  assert.deepEqual(addWheel({ deltaX: 0, deltaY: 9_990 }, { deltaX: -3, deltaY: 120 }), {
    deltaX: -3,
    deltaY: 10_000,
  });
});

test('a tap clicks, a drag scrolls and does not click, a rest is the right button', () => {
  const at = { x: 50, y: 50 };
  const tap = new TouchGesture(at);
  assert.equal(tap.move({ x: 53, y: 52 }), null);
  assert.deepEqual(tap.end(), { type: 'click', button: 'left', at });

  const drag = new TouchGesture(at);
  assert.deepEqual(drag.move({ x: 50, y: 20 }), { type: 'scroll', at, deltaX: 0, deltaY: 30 });
  assert.deepEqual(drag.move({ x: 50, y: 15 }), { type: 'scroll', at, deltaX: 0, deltaY: 5 });
  assert.equal(drag.hold(), null);
  assert.equal(drag.end(), null);

  const rest = new TouchGesture(at);
  assert.deepEqual(rest.hold(), { type: 'click', button: 'right', at });
  assert.equal(rest.end(), null);
});
