import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soak } from './support/soak.ts';

/** Enough to see whatever is left each time; `npm run soak` counts over hundreds. */
const CYCLES = 6;

test('sessions that were cancelled at any stage leave no namespace, TAP, process or file', async () => {
  const { leaked, sessions } = await soak({ cycles: CYCLES, progress: (line) => console.log(`# ${line}`) });
  assert.equal(sessions, CYCLES);
  assert.deepEqual(leaked, []);
});
