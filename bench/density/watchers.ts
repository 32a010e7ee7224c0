import type { Page } from 'playwright-core';
import type { Bench } from '../support/bench.ts';

/** Shorter than any quiet after which a VM goes to standby. Milliseconds. */
const POINTER_MOVES = 4000;

/**
 * Somebody who looks at many desktops at once: the dashboard's own viewers in one page, through noVNC, whose
 * connections a browser allows hundreds of. The pointer moves a little on each now and then, so that none of them goes to
 * standby.
 */
export class Watchers {
  readonly #bench: Bench;
  readonly #page: Page;

  private constructor(bench: Bench, page: Page) {
    this.#bench = bench;
    this.#page = page;
  }

  static async open(bench: Bench, page: Page): Promise<Watchers> {
    await page.goto(await bench.controller.newSignInLink());
    await page.waitForFunction(() => customElements.get('browser-vm-viewer') !== undefined);
    await page.evaluate((everyMs) => {
      let moves = 0;
      setInterval(() => {
        moves += 1;
        for (const element of document.querySelectorAll('browser-vm-viewer')) {
          const canvas = element.shadowRoot?.querySelector('canvas');
          const { left = 0, top = 0 } = canvas?.getBoundingClientRect() ?? {};
          const at = { clientX: left + 2 + (moves % 2) * 4, clientY: top + 2 };
          canvas?.dispatchEvent(new MouseEvent('mousemove', { ...at, bubbles: true }));
        }
      }, everyMs);
    }, POINTER_MOVES);
    return new Watchers(bench, page);
  }

  /** Resolves when the viewer shows the desktop. */
  async watch(sessionId: string): Promise<void> {
    const url = new URL(`/api/vnc/session/${sessionId}`, this.#bench.controller.url);
    url.protocol = 'ws:';
    await this.#page.evaluate(
      (vncUrl) =>
        new Promise<void>((resolve) => {
          const element = document.createElement('browser-vm-viewer');
          element.setAttribute('transport', 'novnc');
          // Its size here is nobody's, and a desktop that takes on another paints all of it anew.
          element.setAttribute('fixed-size', '');
          element.style.cssText = 'display:block;width:64px;height:36px';
          // Not its own: an event stream each would use up the connections that a browser allows.
          const signaling = { vncUrl: () => vncUrl, reportFirstFrame: async () => resolve() };
          document.body.append(Object.assign(element, { signaling }));
        }),
      url.href,
    );
  }
}
