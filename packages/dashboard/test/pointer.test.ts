import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fittedBox, toDesktop } from '../src/viewer/input/geometry.ts';
import { type TouchAction, TouchGestures } from '../src/viewer/input/touch.ts';
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

const at = { x: 50, y: 50 };

test('directly, a tap clicks, a drag scrolls and does not click, a rest is the right button', () => {
  const touches = new TouchGestures('direct');
  touches.down(1, at, 0);
  assert.equal(touches.move(1, { x: 53, y: 52 }), null);
  assert.deepEqual(touches.up(1, 90), { type: 'click', button: 'left', at });

  touches.down(2, at, 100);
  assert.deepEqual(touches.move(2, { x: 50, y: 20 }), { type: 'scroll', at, deltaX: 0, deltaY: 30 });
  assert.deepEqual(touches.move(2, { x: 50, y: 15 }), { type: 'scroll', at, deltaX: 0, deltaY: 5 });
  assert.equal(touches.hold(), null);
  assert.equal(touches.up(2, 200), null);

  touches.down(3, at, 300);
  assert.equal(touches.rests, true);
  assert.deepEqual(touches.hold(), { type: 'click', button: 'right', at });
  assert.equal(touches.up(3, 900), null);
});

test('two fingers scroll, pinch, or tap for the right button, and the last to leave does not click', () => {
  for (const mode of ['direct', 'trackpad'] as const) {
    const touches = new TouchGestures(mode);
    const two = (): void => {
      touches.down(1, { x: 40, y: 50 }, 0);
      touches.down(2, { x: 60, y: 50 }, 20);
    };
    const away = (): (TouchAction | null)[] => [touches.up(1, 400), touches.up(2, 410)];
    two();
    assert.deepEqual(away(), [{ type: 'click', button: 'right', at }, null]);

    two();
    touches.move(1, { x: 40, y: 20 });
    touches.move(2, { x: 60, y: 20 });
    assert.deepEqual(touches.move(1, { x: 40, y: 0 }), { type: 'scroll', at, deltaX: 0, deltaY: 10 });
    assert.deepEqual(away(), [null, null]);

    two();
    assert.equal(touches.move(2, { x: 140, y: 50 }), null);
    const action = touches.move(2, { x: 184, y: 50 });
    assert.ok(action?.type === 'zoom' && Math.abs(action.steps - Math.log(7.2) / Math.log(1.2)) < 0.001);
    assert.deepEqual(away(), [null, null]);
  }
});

test('on a trackpad a finger moves the pointer, and after a tap it drags', () => {
  const touches = new TouchGestures('trackpad');
  touches.down(1, at, 0);
  assert.deepEqual(touches.move(1, { x: 70, y: 45 }), { type: 'point', deltaX: 20, deltaY: -5 });
  assert.equal(touches.up(1, 100), null);
  touches.down(1, at, 200);
  assert.deepEqual(touches.up(1, 260), { type: 'click', button: 'left', at });
  touches.down(1, at, 400);
  assert.deepEqual(touches.move(1, { x: 70, y: 50 }), { type: 'drag', pressed: true });
  assert.deepEqual(touches.move(1, { x: 80, y: 50 }), { type: 'point', deltaX: 10, deltaY: 0 });
  assert.deepEqual(touches.cancel(1), { type: 'drag', pressed: false });
});
