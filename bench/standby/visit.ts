import type { Page } from 'playwright-core';
import { BUTTON_COLOUR } from '../../test/e2e/support/journey.ts';
import { waitForColour } from '../../test/e2e/support/picture.ts';
import { seen } from '../start/one-start.ts';
import type { Bench } from '../support/bench.ts';

/** These only end a hang. Milliseconds. */
const LIMIT = 120_000;

/** Somebody came to look at a desktop. Milliseconds since the viewer's offer left the page. */
export interface Visit {
  readonly livePictureMs: number;
  readonly answeredMs: number;
  readonly clickToAnswerMs: number;
}

/** Waits until the sign-in page is painted: opening it is not that yet. */
export async function seeSignInPage({ controller }: Bench, page: Page, sessionId: string): Promise<void> {
  await page.goto(`${controller.url}/dashboard/remote-cli/auth?session=${sessionId}`);
  await waitForColour(page, '[data-testid="viewer-video"]', BUTTON_COLOUR, LIMIT);
  await page.goto('about:blank');
}

/** Opens a session's page, presses the mouse on the sign-in page as soon as the picture is live, and leaves. */
export async function visit({ controller }: Bench, page: Page, sessionId: string): Promise<Visit> {
  await page.goto(`${controller.url}/dashboard/remote-cli/auth?session=${sessionId}`);
  const box = await page.getByTestId('viewer').boundingBox();
  if (box === null) throw new Error('the viewer has no place in the page');
  await page.mouse.move(box.x + box.width / 2, box.y + box.height * 0.2);
  await seen(page, 'livePicture', LIMIT);
  await page.mouse.down();
  await seen(page, 'answered', LIMIT);
  await page.mouse.up();
  const { offered, livePicture, pressed, answered } = await page.evaluate(() => window.browserVmProbe.seen);
  if (offered === null || livePicture === null || pressed === null || answered === null)
    throw new Error('the page saw an answer to nothing');
  await page.goto('about:blank');
  return {
    livePictureMs: livePicture - offered,
    answeredMs: answered - offered,
    clickToAnswerMs: answered - pressed,
  };
}
