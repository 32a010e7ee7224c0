import type { Page } from 'playwright-core';
import { PRESSED_COLOUR } from '../../test/e2e/support/journey.ts';
import { waitForColour } from '../../test/e2e/support/picture.ts';
import { addMiddleShows } from '../support/middle-colour.ts';

/** This only ends a hang. Milliseconds. */
const LIMIT = 120_000;

declare global {
  interface Window {
    /** From the press to the first frame that answers it, milliseconds. */
    clickAnswered: Promise<number>;
  }
}

/** Presses the mouse where it stands, in the stream, and lets it go when the picture answered. Milliseconds. */
export async function clickToAnswer(
  page: Page,
  unpressed: Parameters<typeof waitForColour>[2],
): Promise<number> {
  const video = page.getByTestId('viewer-video');
  await page.evaluate(addMiddleShows);
  await video.evaluate((element: HTMLVideoElement, { red, green, blue }) => {
    const pressed = new Promise<number>((resolve) =>
      window.addEventListener('pointerdown', () => resolve(performance.now()), { capture: true, once: true }),
    );
    const answered = new Promise<number>((resolve) => {
      const frame = () => {
        if (window.middleShows(element, [red, green, blue])) resolve(performance.now());
        else element.requestVideoFrameCallback(frame);
      };
      element.requestVideoFrameCallback(frame);
    });
    window.clickAnswered = Promise.all([pressed, answered]).then(([from, to]) => to - from);
  }, PRESSED_COLOUR);
  await page.mouse.down();
  const clickMs = await page.evaluate(
    ([limit]) =>
      Promise.race([
        window.clickAnswered,
        new Promise<never>((_, reject) =>
          setTimeout(() => reject(new Error('the click had no answer')), limit),
        ),
      ]),
    [LIMIT],
  );
  await page.mouse.up();
  await waitForColour(page, '[data-testid="viewer-video"]', unpressed, LIMIT);
  return clickMs;
}
