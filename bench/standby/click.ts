import type { Page } from 'playwright-core';
import { PRESSED_COLOUR } from '../../test/e2e/support/journey.ts';
import { waitForColour } from '../../test/e2e/support/picture.ts';

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
  await video.evaluate((element: HTMLVideoElement, { red, green, blue }) => {
    const pressed = new Promise<number>((resolve) =>
      window.addEventListener('pointerdown', () => resolve(performance.now()), { capture: true, once: true }),
    );
    // The button that answers crosses the middle of the desktop.
    const column = { width: 80, height: element.videoHeight };
    const context = new OffscreenCanvas(column.width, column.height).getContext('2d', {
      willReadFrequently: true,
    });
    if (context === null) throw new Error('no canvas');
    const showsPressed = (): boolean => {
      const left = (element.videoWidth - column.width) / 2;
      context.drawImage(element, left, 0, column.width, column.height, 0, 0, column.width, column.height);
      const { data } = context.getImageData(0, 0, column.width, column.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        const off = [red, green, blue].map((value, channel) => Math.abs((data[at + channel] ?? 0) - value));
        if (Math.max(...off) <= 56) count += 1;
      }
      return count >= 150;
    };
    const answered = new Promise<number>((resolve) => {
      const frame = () => {
        if (showsPressed()) resolve(performance.now());
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
