import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EncodingPlan } from '../src/encode/plan.ts';
import { Vp8Encoder } from '../src/encode/vp8.ts';
import { evenFrame } from '../src/pixels/i420.ts';

const SIZE = { width: 640, height: 360 } as const;
const BLOCKS = 40 * 23;
const PLENTY = 1e9;

/** As many rounds as it takes; returns how many. */
function sharpen(plan: EncodingPlan, bits: number): number {
  let rounds = 0;
  for (; !plan.isSharp && rounds < 1000; rounds += 1) {
    const next = plan.next(bits, false);
    plan.encoded(next, Math.ceil((next.count * 40) / 8));
  }
  return rounds;
}

test('first all of it, then what changed, then sharper until all is sharp, then nothing', () => {
  const plan = new EncodingPlan(SIZE.width, SIZE.height);
  const key = plan.next(PLENTY, true);
  assert.deepEqual([key.kind, key.count], ['key', BLOCKS]);
  plan.encoded(key, 20_000);
  assert.equal(plan.isChanged, false);
  assert.ok(sharpen(plan, PLENTY) < 4);
  plan.changed([{ x: 17, y: 0, width: 16, height: 1 }]);
  const moved = plan.next(PLENTY, false);
  assert.deepEqual([moved.kind, moved.count], ['moving', 2]);
  assert.deepEqual([...moved.blocks.subarray(0, 4)], [0, 1, 1, 0]);
  plan.encoded(moved, 100);
  assert.equal(plan.isSharp, false);
  assert.ok(sharpen(plan, PLENTY) < 4);
});

test('fewer bits make it coarser while it moves, and slower to sharpen at rest, but always sharp in the end', () => {
  const plan = new EncodingPlan(SIZE.width, SIZE.height);
  const coarse = plan.next(20_000, true).quantiser;
  assert.ok(coarse > plan.next(200_000, true).quantiser);
  plan.encoded(plan.next(20_000, true), 5000);
  assert.ok(sharpen(plan, 5000) < 60);
});

test('damage outside of the picture is no part of it', () => {
  const plan = new EncodingPlan(SIZE.width, SIZE.height);
  plan.encoded(plan.next(PLENTY, true), 1000);
  plan.changed([{ x: 630, y: 350, width: 500, height: 500 }]);
  assert.equal(plan.next(PLENTY, false).count, 2);
});

test('an encoder leaves blocks alone that are not due, and takes more bits the sharper it is to be', () => {
  const frame = evenFrame(SIZE.width, SIZE.height);
  const due = new Uint8Array(BLOCKS);
  const bytesOf = (quantiser: number): number => {
    const encoder = new Vp8Encoder(SIZE.width, SIZE.height);
    frame.data.fill(90, 0, SIZE.width * SIZE.height);
    assert.equal(encoder.encode(frame, 20, null, true).isKey, true);
    for (let at = 0; at < SIZE.width * SIZE.height; at += 1) frame.data[at] = ((at >> 3) * 2_654_435) & 255;
    due.fill(0);
    const none = encoder.encode(frame, 20, due, true).data.length;
    assert.ok(none < 200, `${none} bytes for nothing`);
    due.fill(1);
    const all = encoder.encode(frame, quantiser, due, true).data.length;
    encoder.close();
    encoder.close();
    return all;
  };
  const [coarse, sharp] = [bytesOf(60), bytesOf(4)];
  assert.ok(sharp > 1.5 * coarse, `${sharp} and ${coarse} bytes`);
});

test('an encoder goes from coarse to sharp in one frame', () => {
  const frame = evenFrame(SIZE.width, SIZE.height);
  const due = new Uint8Array(BLOCKS).fill(1);
  const encoder = new Vp8Encoder(SIZE.width, SIZE.height);
  encoder.encode(frame, 20, null, true);
  for (let at = 0; at < SIZE.width * SIZE.height; at += 1) frame.data[at] = ((at >> 3) * 2_654_435) & 255;
  encoder.encode(frame, 63, due, true);
  const first = encoder.encode(frame, 4, due, false).data.length;
  const again = encoder.encode(frame, 4, due, false).data.length;
  encoder.close();
  assert.ok(again < first / 4, `${first} bytes, then ${again} more`);
});
