import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RestWatch } from '../src/encode/rest.ts';

test('a picture at rest is repeated until its quantiser is low', async () => {
  const blurred = [106, 90, 60, 30, 15];
  const sent = { keyFrameRequests: 0, frames: 12, quantisers: 1200 };
  let repeats = 0;
  const looked = Promise.withResolvers<void>();
  let looks = 0;
  const rest = new RestWatch(
    async () => {
      looks += 1;
      // The one after the fourth repetition found it sharp; the next only looks for lost packets.
      if (looks === 6) looked.resolve();
      return { ...sent };
    },
    {
      repeat: () => {
        sent.frames += 1;
        sent.quantisers += blurred[repeats] ?? 0;
        repeats += 1;
      },
      missed: () => assert.fail('no key frame was asked for'),
    },
  );
  rest.rested();
  await looked.promise;
  rest.cancel();
  assert.equal(repeats, 4);
});

test('a key frame asked for at rest is told once, and ends the watch', async () => {
  const sent = { keyFrameRequests: 0, frames: 1, quantisers: 15 };
  const missed = Promise.withResolvers<void>();
  const rest = new RestWatch(async () => ({ ...sent }), {
    repeat: () => {
      sent.keyFrameRequests += 1;
    },
    missed: missed.resolve,
  });
  rest.rested();
  await missed.promise;
  rest.cancel();
});
