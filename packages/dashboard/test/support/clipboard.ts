import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/** Of Playwright or Puppeteer. */
interface Page {
  evaluate(read: () => Promise<string>): Promise<string>;
}

/** Waits until that text is on the clipboard of the page's person. `page.waitForFunction` awaits no promise. */
export async function untilClipboard(page: Page, text: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await page.evaluate(() => navigator.clipboard.readText());
    if (found === text) return;
    assert.ok(Date.now() < deadline, `the clipboard holds ${JSON.stringify(found)}`);
    await delay(50);
  }
}
