import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { viewerResponseSchema } from '@browser-vm/protocol';
import type { Browser, Page } from 'puppeteer-core';
import { startFirefox } from '../../../test/support/firefox.ts';
import { Desktop } from '../../rfb/test/desktop.ts';
import { DashboardServer } from './support/dashboard-server.ts';
import { DesktopHost, type DesktopVm } from './support/desktop-host.ts';
import { GuestPage } from './support/guest-page.ts';

let desktop: Desktop;
/** Where Firefox is. */
let screen: Desktop;
let guest: GuestPage;
let host: DesktopHost;
let dashboard: DashboardServer;
let firefox: Browser;
let session: { readonly sessionId: string; readonly vm: DesktopVm };
/** The first viewer, in control from the beginning. */
let page: Page;

before(async () => {
  desktop = await Desktop.start('1280x720');
  desktop.run('openbox', []);
  guest = await GuestPage.open(desktop);
  host = new DesktopHost(desktop.port, Number(desktop.display.slice(1)));
  dashboard = await DashboardServer.start(host);
  // Without a display, Firefox keeps no image on its clipboard.
  screen = await Desktop.start('1400x1000');
  firefox = await startFirefox({ headless: false, env: { DISPLAY: screen.display } });
  const { sessionId, viewerUrl } = await dashboard.startByApi('firefox');
  const vm = host.vms.at(-1);
  assert.ok(vm);
  vm.becomeReady();
  session = { sessionId, vm };
  page = await openPage(firefox, viewerUrl);
});
after(async () => {
  await firefox?.close();
  await screen?.stop();
  session?.vm.succeed();
  await dashboard?.stop();
  await guest?.close();
  await desktop?.stop();
});

async function openPage(where: Pick<Browser, 'newPage'>, url: string): Promise<Page> {
  const opened = await where.newPage();
  opened.setDefaultTimeout(60_000);
  await opened.setViewport({ width: 1280, height: 800 });
  await opened.goto(url);
  await connected(opened, 'webrtc');
  return opened;
}

async function connected(viewer: Page, transport: 'webrtc' | 'novnc'): Promise<void> {
  await viewer.waitForSelector(
    `[data-testid="viewer"][data-status="connected"][data-transport="${transport}"]`,
  );
}

async function says(viewer: Page, text: string): Promise<void> {
  await viewer.waitForFunction((wanted) => document.body.textContent?.includes(wanted), {}, text);
}

async function press(viewer: Page, testId: string): Promise<void> {
  await viewer.locator(`[data-testid="${testId}"]`).click();
}

/** The desktop takes the size of that viewer's box, and the viewer shows it: the left is yellow, never black. */
async function untilFilled(viewer: Page, after: number): Promise<void> {
  const size = await viewer.$eval('[data-testid="viewer"]', (element) => {
    const { width, height } = element.getBoundingClientRect();
    return [Math.floor(width / 2) * 2, Math.floor(height / 2) * 2];
  });
  await guest.until(
    ({ type, value }) => type === 'size' && JSON.stringify(value) === JSON.stringify(size),
    after,
  );
  await untilShown(viewer, size);
}

async function untilShown(viewer: Page, size: readonly number[] | null): Promise<void> {
  await viewer.waitForFunction(
    (wanted) => {
      const root = document.querySelector('browser-vm-viewer')?.shadowRoot;
      const canvas = root?.querySelector<HTMLCanvasElement>('.novnc canvas');
      const source = canvas ?? root?.querySelector('video');
      if (source === null || source === undefined) return false;
      const [width, height] =
        source instanceof HTMLVideoElement
          ? [source.videoWidth, source.videoHeight]
          : [source.width, source.height];
      if (width === 0 || (wanted !== null && (width !== wanted[0] || height !== wanted[1]))) return false;
      const context = new OffscreenCanvas(40, 20).getContext('2d');
      context?.drawImage(source, 0, 0, 40, 20);
      const [red = 0, green = 0] = context?.getImageData(10, 10, 1, 1).data ?? [];
      return red > 180 && green > 150;
    },
    {},
    size,
  );
}

async function clickOnPad(viewer: Page): Promise<void> {
  await clickAt(viewer, 0.75);
}

/** At that part of the desktop's width. */
async function clickAt(viewer: Page, part: number): Promise<void> {
  const box = await (await viewer.waitForSelector('[data-testid="viewer"]'))?.boundingBox();
  assert.ok(box);
  await viewer.mouse.click(box.x + box.width * part, box.y + box.height / 2);
}

async function clickArrives(viewer: Page): Promise<void> {
  const mark = guest.told.length;
  await clickOnPad(viewer);
  await guest.until(({ type }) => type === 'click', mark);
}

test('the picture is live, a click arrives, and the desktop keeps to the size of its viewer', async () => {
  await untilFilled(page, 0);
  await clickArrives(page);
  let mark = guest.told.length;
  await page.setViewport({ width: 1000, height: 700 });
  await untilFilled(page, mark);
  await clickArrives(page);
  await press(page, 'use-novnc');
  await connected(page, 'novnc');
  mark = guest.told.length;
  await page.setViewport({ width: 1100, height: 760 });
  await untilFilled(page, mark);
  await clickArrives(page);
  await press(page, 'use-webrtc');
  await connected(page, 'webrtc');
  await untilShown(page, null);
});

test('of two viewers one acts, the other takes control when it wants it', async () => {
  const second = await openPage(
    firefox,
    `${dashboard.url}/dashboard/remote-cli/auth?session=${session.sessionId}`,
  );
  await says(second, 'Someone else is in control');
  // Without control a click has no effect: the next one is the first that the guest tells of.
  const mark = guest.told.length;
  await clickOnPad(second);
  await press(second, 'take-control');
  await page.bringToFront();
  await says(page, 'Someone else is in control');
  await second.bringToFront();
  await clickArrives(second);
  assert.equal(guest.told.slice(mark).filter(({ type }) => type === 'click').length, 1);
  await page.bringToFront();
  await press(page, 'take-control');
  await page.waitForSelector('[data-testid="take-control"]', { hidden: true });
  await clickArrives(page);
  await second.close();
});

test('a tab that is closed or left gives control up at once, and shows the desktop again when it comes back', async () => {
  const url = `${dashboard.url}/dashboard/remote-cli/auth?session=${session.sessionId}`;
  for (const goAway of [(tab: Page) => tab.goto('about:blank'), (tab: Page) => tab.close()]) {
    const second = await openPage(firefox, url);
    await press(second, 'take-control');
    await second.waitForSelector('[data-testid="take-control"]', { hidden: true });
    const mark = session.vm.streamer.events.length;
    await goAway(second);
    await page.bringToFront();
    await page.waitForSelector('[data-testid="take-control"]', { hidden: true });
    const told = session.vm.streamer.events.slice(mark);
    const states = told.flatMap((event) => (event.type === 'viewer' ? [event.state] : []));
    assert.deepEqual(states, ['closed'], 'nobody had to notice');
    await clickArrives(page);
    if (second.isClosed()) continue;
    await second.bringToFront();
    await second.goBack();
    await connected(second, 'webrtc');
    await says(second, 'Someone else is in control');
    await untilShown(second, null);
    await second.close();
    await page.bringToFront();
  }
});

test('an image that was copied on the desktop is copied by a click, and can be pasted into it', async () => {
  await page.bringToFront();
  const mark = guest.told.length;
  await clickArrives(page);
  await page.keyboard.press('F9');
  await guest.until(({ type }) => type === 'image-copied', mark);
  await press(page, 'copy-image');
  await says(page, 'The image is on your clipboard');
  // Not on the pad, which copies a text.
  await clickAt(page, 0.25);
  await guest.until(({ type }) => type === 'focus', mark);
  await page.keyboard.down('Control');
  await page.keyboard.press('v');
  await page.keyboard.up('Control');
  const { value } = await guest.until(({ type }) => type === 'image', mark);
  assert.deepEqual(value, [50, 20, 0x0a, 0x7d, 0x5a, 255]);
  assert.equal(session.vm.imagesPasted, 1, 'it came from the person');
});

test('a link for watching shows the desktop and acts on nothing, by either transport', async () => {
  const path = `/api/auth/session/${session.sessionId}/viewers`;
  const { viewerUrl } = viewerResponseSchema.parse(
    await (await dashboard.asOperator(path, { mode: 'view' })).json(),
  );
  const context = await firefox.createBrowserContext();
  const watcher = await openPage(context, viewerUrl);
  const mark = guest.told.length;
  for (const transport of ['webrtc', 'novnc'] as const) {
    if (transport === 'novnc') await press(watcher, 'use-novnc');
    await connected(watcher, transport);
    await says(watcher, 'You are watching only');
    assert.equal(await watcher.$('[data-testid="take-control"]'), null);
    await untilShown(watcher, null);
    await clickOnPad(watcher);
  }
  await context.close();
  await page.bringToFront();
  await clickArrives(page);
  assert.equal(guest.told.slice(mark).filter(({ type }) => type === 'click').length, 1);
});
