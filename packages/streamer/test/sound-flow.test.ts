import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SoundFlow } from '../src/sound/flow.ts';

const FRAME_MS = 20;

test('sound that comes in time is heard without a gap, however its frames are bunched', () => {
  const flow = new SoundFlow();
  const heard: (number | null)[] = [];
  for (let at = 0; at < 10_000; at += 60) {
    for (let frame = 0; frame < 3; frame += 1) heard.push(flow.came(at));
  }
  for (const [index, at] of heard.entries()) assert.equal(at, index * FRAME_MS);
});

test('of sound that comes late and all at once a fifth of a second is heard, and then what comes in time', () => {
  const flow = new SoundFlow();
  assert.equal(flow.came(0), 0);
  const heard: (number | null)[] = [];
  for (let frame = 0; frame < 75; frame += 1) heard.push(flow.came(1500));
  assert.deepEqual(
    heard.slice(0, 10),
    Array.from({ length: 10 }, (_, index) => 1500 + index * FRAME_MS),
  );
  assert.ok(heard.slice(10).every((at) => at === null));
  assert.equal(flow.isFlood, false);
  let silentMs = 0;
  let now = 1500;
  for (let at: number | null = null; at === null; now += FRAME_MS) {
    at = flow.came(now);
    silentMs += FRAME_MS;
  }
  assert.ok(silentMs <= 200, `${silentMs} ms were left out`);
  for (let frame = 0; frame < 1000; frame += 1, now += FRAME_MS) assert.notEqual(flow.came(now), null);
});

test('a guest that sends sound without end is seen for what it is', () => {
  const flow = new SoundFlow();
  let frames = 0;
  while (!flow.isFlood && frames < 1000) {
    frames += 1;
    flow.came(frames / 10);
  }
  assert.ok(frames * FRAME_MS < 2100, `${frames} frames`);
});
