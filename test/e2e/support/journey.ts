import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import type { ControllerProcess } from './controller-process.ts';
import { look, waitForColour } from './picture.ts';

/** A guest under emulation paints slowly; these wait for events, and the limits only end a hang. Milliseconds. */
const PICTURE_LIMIT = 300_000;
const SIGN_IN_LIMIT = 300_000;

/** How far above the button's middle the middle of the name's field is, in pixels of the desktop. */
const NAME_ABOVE_BUTTON = 167;

/** What the identity provider's page paints its button with, and nothing else there has. */
export const BUTTON_COLOUR = { red: 0x0a, green: 0x7d, blue: 0x5a };

/** The same button while the mouse is pressed anywhere in the form. */
export const PRESSED_COLOUR = { red: 0xf0, green: 0xa0, blue: 0x20 };

interface JourneyOptions {
  readonly controller: ControllerProcess;
  readonly userId: string;
  readonly transport: 'webrtc' | 'novnc';
  /** Default true; false: the desktop takes the size of the viewer's box. */
  readonly fixedSize?: boolean;
}

/** One person's way through the dashboard, with mouse and keyboard alone. */
export class SignInJourney {
  readonly #page: Page;
  readonly #options: JourneyOptions;

  constructor(page: Page, options: JourneyOptions) {
    this.#page = page;
    this.#options = options;
  }

  get #screen(): string {
    return this.#options.transport === 'webrtc' ? '[data-testid="viewer-video"]' : 'canvas[width="1280"]';
  }

  async openDashboard(): Promise<void> {
    const { controller, userId } = this.#options;
    await this.#page.goto(await controller.newSignInLink());
    await this.#page.goto(`${controller.url}/dashboard/remote-cli?user=${userId}`);
    await this.#page.getByTestId('provider-card-codex').waitFor();
  }

  async connect(provider: string): Promise<void> {
    await this.#page.getByTestId(`connect-${provider}`).click();
    await this.#page.waitForURL('**/dashboard/remote-cli/auth**');
    if (this.#options.transport === 'novnc') await this.#page.getByTestId('use-novnc').click();
  }

  /** Frames of the desktop's size are decoded, and their pixels are not all alike. */
  async seeDesktop(): Promise<void> {
    if (this.#options.transport === 'webrtc') {
      await this.#page
        .getByTestId('viewer-video')
        .evaluate(
          (video: HTMLVideoElement) =>
            new Promise<void>((resolve) => video.requestVideoFrameCallback(() => resolve())),
        );
    }
    await this.#waitForStatus(['signing_in']);
    await this.#seePicture();
  }

  /** The desktop follows, which the picture shows. */
  async resizeWindow(size: { readonly width: number; readonly height: number }): Promise<void> {
    await this.#page.setViewportSize(size);
    await this.#seePicture();
  }

  async #seePicture(): Promise<void> {
    const deadline = Date.now() + PICTURE_LIMIT;
    for (;;) {
      const seen = await look(this.#page, this.#screen);
      const [width, height] = await this.#desktopSize();
      if (seen !== null && seen.distinct > 4) {
        if (seen.width === width && seen.height === height) return;
        assert.equal(this.#options.fixedSize, false, `the desktop has ${seen.width} x ${seen.height} pixels`);
      }
      const wanted = `of ${width} x ${height}`;
      assert.ok(Date.now() < deadline, `no picture ${wanted}, last seen: ${JSON.stringify(seen)}`);
      await this.#page.waitForTimeout(250);
    }
  }

  async #desktopSize(): Promise<[number, number]> {
    if (this.#options.fixedSize ?? true) return [1280, 720];
    return this.#page.getByTestId('viewer').evaluate((element) => {
      const { width, height } = element.getBoundingClientRect();
      return [Math.floor(width / 2) * 2, Math.floor(height / 2) * 2];
    });
  }

  /** Types into the page in the VM and presses its button, through the stream. */
  async signInByHand(user: { readonly name: string; readonly password: string }): Promise<void> {
    const button = await waitForColour(this.#page, this.#screen, BUTTON_COLOUR, PICTURE_LIMIT);
    await this.#page
      .locator('[data-testid="viewer-control"][data-holder="you"]')
      .waitFor({ state: 'attached' });
    await this.#page.mouse.click(button.x, button.y - NAME_ABOVE_BUTTON * button.scale);
    await this.#page.keyboard.type(user.name, { delay: 80 });
    await this.#page.keyboard.press('Tab');
    await this.#page.keyboard.type(user.password, { delay: 80 });
    await this.#picture('session');
    await this.#page.mouse.move(button.x, button.y);
    await this.#page.mouse.down();
    await this.#page.waitForTimeout(120);
    await this.#page.mouse.up();
  }

  async seeCompleted(): Promise<void> {
    await this.#waitForStatus(['completed']);
    await this.#page.getByTestId('end-state').waitFor();
    await this.#page.getByTestId('stage-vm_gone').waitFor({ state: 'attached' });
  }

  async backToDashboard(): Promise<void> {
    const { controller, userId } = this.#options;
    await this.#page.goto(`${controller.url}/dashboard/remote-cli?user=${userId}`);
  }

  /** The text of a provider's card. */
  async cardState(provider: string): Promise<string> {
    const card = this.#page.getByTestId(`provider-card-${provider}`);
    await card.waitFor();
    await this.#picture('providers');
    return (await card.textContent()) ?? '';
  }

  /** Kept for README and for whoever looks into a failure, when a directory for it is named. */
  async #picture(name: string): Promise<void> {
    const directory = process.env.TEST_PICTURES;
    if (directory === undefined) return;
    await this.#page.waitForTimeout(1500);
    await this.#page.screenshot({ path: `${directory}/${name}-${this.#options.transport}.png` });
  }

  async #waitForStatus(wanted: readonly string[]): Promise<void> {
    const status = this.#page.getByTestId('session-status');
    const deadline = Date.now() + SIGN_IN_LIMIT;
    for (;;) {
      const state = await status.getAttribute('data-state');
      if (state !== null && wanted.includes(state)) return;
      const ended = state !== null && ['failed', 'cancelled', 'expired', 'completed'].includes(state);
      if (ended || Date.now() > deadline) {
        throw new Error(
          `the session is ${state}, not ${wanted.join(' or ')}:\n${await this.#page.locator('body').textContent()}\n${this.#options.controller.output}`,
        );
      }
      await this.#page.waitForTimeout(250);
    }
  }
}
