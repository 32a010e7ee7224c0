import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Desktop } from '../../rfb/test/desktop.ts';
import { watchClipboard } from '../src/desktop/clipboard-watch.ts';

/** Longer than the watch keeps back what follows soon. Milliseconds. */
const SETTLED = 700;

test('what several programs copy right after each other is told as the last of it, on any display', async () => {
  for (let display = 0; display < 2; display += 1) await copyAndHear();
});

async function copyAndHear(): Promise<void> {
  const desktop = await Desktop.start();
  const stop = new AbortController();
  let hasImage = false;
  const watching = watchClipboard(
    Number(desktop.display.slice(1)),
    (told) => {
      hasImage = told;
    },
    stop.signal,
  );
  const copy = (...type: readonly string[]) =>
    once(desktop.run('xclip', ['-selection', 'clipboard', '-i', ...type], 'copied'), 'exit');
  try {
    for (let round = 0; round < 2; round += 1) {
      await copy();
      await delay(SETTLED);
      assert.equal(hasImage, false, `text, round ${round}`);
      await Promise.all(Array.from({ length: 8 }, () => copy('-t', 'image/png')));
      await delay(SETTLED);
      assert.equal(hasImage, true, `images, round ${round}`);
    }
  } finally {
    stop.abort();
    await watching;
    await desktop.stop();
  }
}
