import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BrowserVmError } from '@browser-vm/protocol';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { Desktop } from '../../rfb/test/desktop.ts';
import { untilClipboard } from './support/clipboard.ts';
import { Dashboard } from './support/dashboard.ts';
import { DesktopHost, type DesktopVm } from './support/desktop-host.ts';
import { GuestPage } from './support/guest-page.ts';

let desktop: Desktop;
let guest: GuestPage;
let host: DesktopHost;
let dashboard: Dashboard;
before(async () => {
  desktop = await Desktop.start('1280x720');
  guest = await GuestPage.open(desktop);
  host = new DesktopHost(desktop.port);
  dashboard = await Dashboard.start(host);
});
after(async () => {
  await dashboard?.stop();
  await guest?.close();
  await desktop?.stop();
});

/** Clicks Connect as that user; the VM is the one the page shows. */
async function connect(page: Page, userId: string): Promise<DesktopVm> {
  await page.goto(`${dashboard.url}/dashboard/remote-cli?user=${userId}`);
  await page.getByTestId('connect-codex').click();
  await page.getByTestId('session-status').waitFor();
  const vm = host.vms.at(-1);
  assert.ok(vm);
  return vm;
}

/** Colour of a point of the desktop as the viewer shows it; null while there is no picture. */
function colourAt(page: Page, selector: string, at: { x: number; y: number }) {
  return page.locator(selector).evaluate(
    (source: HTMLVideoElement | HTMLCanvasElement, { x, y }) => {
      const canvas = new OffscreenCanvas(1280, 720);
      const context = canvas.getContext('2d');
      if (context === null) return null;
      context.drawImage(source, 0, 0, 1280, 720);
      return [...context.getImageData(x, y, 1, 1).data].slice(0, 3);
    },
    { x: at.x, y: at.y - BESIDE },
  );
}

function near(colour: readonly number[] | null, wanted: readonly number[]): boolean {
  return colour?.every((value, index) => Math.abs(value - (wanted[index] ?? 0)) < 40) ?? false;
}

async function untilColour(
  page: Page,
  selector: string,
  at: { x: number; y: number },
  wanted: readonly number[],
) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const colour = await colourAt(page, selector, at);
    if (near(colour, wanted)) return;
    if (Date.now() > deadline) throw new Error(`${selector} shows ${colour}, not ${wanted}`);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}

const YELLOW = [245, 217, 10];
const BLUE = [11, 110, 153];
const RED = [179, 38, 30];
const FIELD = { x: 320, y: 500 };
const PAD = { x: 960, y: 500 };
/** Colours are looked at beside what is clicked: the guest's pointer may be drawn there. */
const BESIDE = 120;

/** Where the viewer shows a point of the desktop. */
async function onScreen(page: Page, { x, y }: { x: number; y: number }) {
  const box = await page.getByTestId('viewer').boundingBox();
  assert.ok(box);
  return [box.x + (x / 1280) * box.width, box.y + (y / 720) * box.height] as const;
}

async function typeAndClick(page: Page, selector: string): Promise<void> {
  await untilColour(page, selector, FIELD, YELLOW);
  await page.mouse.click(...(await onScreen(page, FIELD)));
  const mark = guest.told.length;
  await page.keyboard.type('Hello, World! @ 3~');
  await guest.until(
    ({ type, value }) => type === 'text' && String(value).endsWith('Hello, World! @ 3~'),
    mark,
  );

  await page.evaluate(() => navigator.clipboard.writeText('pasted: grüße, 東京'));
  await page.keyboard.press('Control+v');
  await guest.until(
    ({ type, value }) => type === 'text' && String(value).endsWith('pasted: grüße, 東京'),
    mark,
  );

  const wasRed = near(await colourAt(page, selector, PAD), RED);
  await page.mouse.click(...(await onScreen(page, PAD)));
  const click = await guest.until(({ type }) => type === 'click', mark);
  const [x, y] = click.value as [number, number];
  assert.ok(Math.abs(x - PAD.x) <= 2 && Math.abs(y - PAD.y) <= 2, `clicked ${x},${y}`);
  await untilColour(page, selector, PAD, wasRed ? BLUE : RED);
  await untilClipboard(page, 'copied in the guest');

  await page.mouse.wheel(0, 240);
  await guest.until(({ type, value }) => type === 'wheel' && value === 1, mark);
  await page.mouse.click(...(await onScreen(page, PAD)), { button: 'right' });
  await guest.until(({ type }) => type === 'contextmenu', mark);
}

test('a sign-in by WebRTC: timeline, picture, keys, pointer and clipboard, completed, connected', async () => {
  const page = await dashboard.newPage();
  const vm = await connect(page, 'webrtc');
  const viewer = page.getByTestId('viewer');
  await page.locator('[data-testid="viewer"][data-status="connected"][data-transport="webrtc"]').waitFor();
  assert.equal(await page.getByTestId('session-status').getAttribute('data-state'), 'starting');
  await page.locator('[data-testid="stage-viewer_connected"][data-state="done"]').waitFor();
  assert.equal(await page.getByTestId('stage-live_picture').getAttribute('data-state'), 'pending');

  vm.becomeReady();
  await page.locator('[data-testid="stage-live_picture"][data-state="done"]').waitFor();
  await page.locator('[data-testid="session-status"][data-state="signing_in"]').waitFor();
  await typeAndClick(page, '[data-testid="viewer-video"]');
  const cursor = await viewer.locator('.surface').evaluate((element) => getComputedStyle(element).cursor);
  assert.match(cursor, /^url\("data:image\/png/, 'the guest’s own cursor is shown');

  vm.succeed();
  await page.locator('[data-testid="end-state"][data-state="completed"]').waitFor();
  await page.getByText('person@example.org').waitFor();
  await page.locator('[data-testid="stage-vm_gone"][data-state="done"]').waitFor();
  await page.getByTestId('back').click();
  await page.locator('[data-testid="provider-card-codex"][data-state="connected"]').waitFor();
  await page.close();
});

for (const transport of ['webrtc', 'novnc'] as const) {
  test(`no key stays down when the desktop loses the focus, by ${transport}`, async () => {
    const page = await dashboard.newPage();
    const vm = await connect(page, `focus-${transport}`);
    vm.becomeReady();
    if (transport === 'novnc') await page.getByTestId('use-novnc').click();
    const picture = transport === 'novnc' ? '.novnc canvas' : '[data-testid="viewer-video"]';
    await untilColour(page, `[data-testid="viewer"] ${picture}`, FIELD, YELLOW);
    await page.mouse.click(...(await onScreen(page, FIELD)));
    const mark = guest.told.length;
    await page.keyboard.down('Shift');
    await page.keyboard.down('Control');
    await guest.until(({ type, value }) => type === 'keydown' && value === 'Control', mark);
    await page.keyboard.press('F6');
    await guest.until(({ type, value }) => type === 'keyup' && value === 'Control', mark);
    await guest.until(({ type, value }) => type === 'keyup' && value === 'Shift', mark);
    const focused = await page.evaluate(() => document.activeElement?.getAttribute('data-testid'));
    assert.equal(
      focused,
      transport === 'novnc' ? 'use-webrtc' : 'use-novnc',
      'the keyboard left the desktop',
    );
    await page.keyboard.up('Shift');
    await page.keyboard.up('Control');
    await page.getByTestId('cancel').click();
    await page.locator('[data-testid="end-state"][data-state="cancelled"]').waitFor();
    await page.close();
  });
}

/** A page as on a phone: small, with fingers and no mouse. */
async function onPhone() {
  const page = await dashboard.newPage();
  await page.setViewportSize({ width: 390, height: 844 });
  const devtools = await dashboard.context.newCDPSession(page);
  await devtools.send('Emulation.setTouchEmulationEnabled', { enabled: true, maxTouchPoints: 2 });
  await devtools.send('Emulation.setEmulatedMedia', { features: [{ name: 'pointer', value: 'coarse' }] });
  type Point = { readonly x: number; readonly y: number };
  const touch = async (type: 'touchStart' | 'touchMove' | 'touchEnd', points: readonly Point[]) => {
    await devtools.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: points.map((point, id) => ({ ...point, id })),
    });
  };
  /** Fingers go down where each path begins, along it together, and up. */
  const fingers = async (...paths: readonly (readonly Point[])[]) => {
    await touch(
      'touchStart',
      paths.flatMap((path) => path.slice(0, 1)),
    );
    for (let step = 1; step < paths[0]!.length; step += 1)
      await touch(
        'touchMove',
        paths.map((path) => path[step]!),
      );
    await touch('touchEnd', []);
  };
  return { page, devtools, touch, fingers };
}

test('on a phone fingers tap, scroll, pinch and rest, directly or as on a trackpad', async () => {
  const { page, touch, fingers } = await onPhone();
  const vm = await connect(page, 'touch');
  vm.becomeReady();
  await untilColour(page, '[data-testid="viewer-video"]', FIELD, YELLOW);
  const [x, y] = await onScreen(page, PAD);
  const along = (dx: number, dy: number, ...parts: number[]) =>
    [0, ...parts].map((part) => ({ x: x + dx * part, y: y + dy * part }));
  let mark = guest.told.length;
  await fingers([{ x, y }]);
  const tap = (await guest.until(({ type }) => type === 'click', mark)).value as [number, number];
  await fingers(along(0, -1, 20, 40, 60));
  await guest.until(({ type, value }) => type === 'wheel' && value === 1, mark);

  const beside = (path: readonly { x: number; y: number }[]) => path.map((at) => ({ x: at.x + 40, y: at.y }));
  mark = guest.told.length;
  await fingers(along(0, 1, 15, 60, 110), beside(along(0, 1, 15, 60, 110)));
  await guest.until(({ type, value }) => type === 'wheel' && value === -1, mark);
  mark = guest.told.length;
  await fingers(along(-1, 0, 10, 30, 50), beside(along(1, 0, 10, 30, 50)));
  await guest.until(({ type, value }) => type === 'zoom' && value === -1, mark);
  await guest.until(({ type, value }) => type === 'keyup' && value === 'Control', mark);
  await touch('touchStart', [{ x, y }]);
  await guest.until(({ type }) => type === 'contextmenu', mark);
  await touch('touchEnd', []);

  await page.getByTestId('trackpad').click();
  assert.equal(await page.getByTestId('trackpad').getAttribute('aria-pressed'), 'true');
  mark = guest.told.length;
  // Somewhere else: what counts is the way, from where the pointer is.
  const box = await page.getByTestId('viewer').boundingBox();
  assert.ok(box);
  const scale = 1280 / box.width;
  await fingers([60, 40, 20, 0].map((to) => ({ x: x - 60 + to, y: y - 30 })));
  await fingers([{ x: x - 60, y: y - 60 }]);
  const click = (await guest.until(({ type }) => type === 'click', mark)).value as [number, number];
  const [movedX, movedY] = [click[0] - tap[0], click[1] - tap[1]];
  assert.ok(movedX < -55 * scale && movedX > -65 * scale, `the pointer went ${movedX} pixels`);
  assert.ok(Math.abs(movedY) <= 3, `the pointer went down ${movedY} pixels`);
  await page.getByTestId('trackpad').click();
  await page.getByTestId('cancel').click();
  await page.getByTestId('end-state').waitFor();
  await page.close();
});

test('on a phone the on-screen keyboard types, and what the browser does not hand over is pasted by a box', async () => {
  const { page, devtools, fingers } = await onPhone();
  const vm = await connect(page, 'phone');
  vm.becomeReady();
  await untilColour(page, '[data-testid="viewer-video"]', FIELD, YELLOW);
  const [x, y] = await onScreen(page, FIELD);
  let mark = guest.told.length;
  await fingers([{ x, y }]);
  await guest.until(({ type }) => type === 'focus', mark);
  await page.getByTestId('on-screen-keyboard').click();
  mark = guest.told.length;
  // As an on-screen keyboard does it: text, without keys.
  await devtools.send('Input.insertText', { text: 'thumbs' });
  await guest.until(({ type, value }) => type === 'text' && String(value).endsWith('thumbs'), mark);
  await dashboard.context.clearPermissions();
  try {
    await page.getByTestId('paste').click();
    await page.getByTestId('paste-box').waitFor();
    assert.deepEqual(await violations(page), []);
    await page.getByTestId('paste-text').fill('a code, 東京');
    await page.getByTestId('paste-send').click();
    await guest.until(({ type, value }) => type === 'text' && String(value).endsWith('a code, 東京'), mark);
    assert.equal(await page.getByTestId('paste-box').count(), 0);
  } finally {
    await dashboard.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  }
  await page.evaluate(() => navigator.clipboard.writeText('handed over'));
  await page.getByTestId('paste').click();
  await guest.until(({ type, value }) => type === 'text' && String(value).endsWith('handed over'), mark);
  await page.getByTestId('cancel').click();
  await page.getByTestId('end-state').waitFor();
  await page.close();
});

test('the same by noVNC, at the press of the button, and back', async () => {
  const page = await dashboard.newPage();
  const vm = await connect(page, 'novnc');
  vm.becomeReady();
  await page.getByTestId('use-novnc').click();
  await page.locator('[data-testid="viewer"][data-status="connected"][data-transport="novnc"]').waitFor();
  // The streamer may hold the connection that was left for the one in control, for seconds.
  await page.locator('[data-testid="viewer-control"][data-holder="you"]').waitFor({ state: 'attached' });
  await typeAndClick(page, '[data-testid="viewer"] .novnc canvas');
  await page.getByTestId('use-webrtc').click();
  await page.locator('[data-testid="viewer"][data-status="connected"][data-transport="webrtc"]').waitFor();
  await untilColour(page, '[data-testid="viewer-video"]', FIELD, YELLOW);
  await page.getByTestId('cancel').click();
  await page.getByTestId('end-state').waitFor();
  await page.close();
});

test('when WebRTC does not connect, the viewer turns to noVNC within seconds and says so', async () => {
  const page = await dashboard.newPage();
  // A network that lets no media through: the answer holds no way to reach the streamer, and no candidate arrives.
  await page.addInitScript(() => {
    RTCPeerConnection.prototype.addIceCandidate = async () => {};
    const { setRemoteDescription } = RTCPeerConnection.prototype;
    const withoutAddresses = async function (
      this: RTCPeerConnection,
      { sdp = '' }: RTCSessionDescriptionInit,
    ) {
      // Another password: the streamer finds a way here by itself, and is refused too.
      const changed = sdp
        .replaceAll(/a=candidate:.*\r\n/g, '')
        .replaceAll(/a=ice-pwd:..../g, 'a=ice-pwd:AAAA');
      await Reflect.apply(setRemoteDescription, this, [{ type: 'answer', sdp: changed }]);
    };
    Object.assign(RTCPeerConnection.prototype, { setRemoteDescription: withoutAddresses });
  });
  const vm = await connect(page, 'blocked');
  vm.becomeReady();
  const from = Date.now();
  await page.locator('[data-testid="viewer"][data-status="connected"][data-transport="novnc"]').waitFor();
  assert.ok(Date.now() - from < 10_000, `took ${Date.now() - from} ms`);
  await page.getByText('WebRTC did not connect within 3 s').waitFor();
  await untilColour(page, '[data-testid="viewer"] .novnc canvas', FIELD, YELLOW);
  vm.fail({ code: 'vm_ended', message: 'The virtual machine ended', hop: 'driver', remedy: 'Start again.' }, [
    'Kernel panic - not syncing: a test',
  ]);
  const end = page.locator('[data-testid="end-state"][data-state="failed"]');
  await end.getByText('The virtual machine ended').waitFor();
  await end.getByText('Start again.').waitFor();
  await end.getByText('Technical details').click();
  await end.getByText('Kernel panic').waitFor();
  await page.close();
});

test('a problem of the host and a refused start are shown with their remedies', async () => {
  const page = await dashboard.newPage();
  const problem = { code: 'memory_short', message: '200 MB are free, 1024 are needed', hop: 'host' } as const;
  host.checks = [
    { name: 'memory', hop: 'host', ok: false, detail: problem.message, remedy: 'Close something.' },
  ];
  await page.goto(`${dashboard.url}/dashboard/remote-cli?user=refused`);
  await page.getByTestId('host-problems').getByText('Close something.').waitFor();
  host.refuse = new BrowserVmError({ ...problem, remedy: 'Make room.' }, { status: 503 });
  await page.getByTestId('connect-codex').click();
  await page.getByRole('alert').getByText('Make room.').waitFor();
  await page.locator('[data-testid="provider-card-codex"][data-state="failed"]').waitFor();
  host.refuse = null;
  host.checks = [];
  await page.close();
});

test('the user stays chosen from one visit to the next', async () => {
  const page = await dashboard.newPage();
  await page.goto(`${dashboard.url}/dashboard/remote-cli`);
  await page.getByTestId('user-id').fill('someone.else@example.org');
  await page.getByTestId('user-switch').click();
  await page.waitForURL('**/remote-cli?user=someone.else%40example.org');
  await page.goto(`${dashboard.url}/dashboard/remote-cli`);
  await page.waitForURL('**/remote-cli?user=someone.else%40example.org');
  await page.close();
});

test('an unknown session and a signed-out browser are told what to do', async () => {
  const page = await dashboard.newPage();
  await page.goto(`${dashboard.url}/dashboard/remote-cli/auth?session=${crypto.randomUUID()}`);
  await page.getByTestId('session-unavailable').waitFor();
  await page.goto(`${dashboard.url}/dashboard/remote-cli`);
  await page.getByTestId('provider-card-codex').waitFor();
  const cookies = await dashboard.context.cookies();
  await dashboard.context.clearCookies();
  await page.getByTestId('connect-codex').click();
  await page.getByText('You are signed out').waitFor();
  await dashboard.context.addCookies(cookies);
  await page.close();
});

test('as many tabs as somebody opens hear what happens, all at once', async () => {
  const wait = { reason: 'cpu', message: 'no CPU is free', ahead: 2, expectedSeconds: null } as const;
  host.wait = wait;
  const { sessionId } = await dashboard.startByApi('tabs');
  // A browser keeps six plain connections to one place.
  const tabs = await Promise.all(Array.from({ length: 8 }, () => dashboard.newPage()));
  const all = (act: (tab: Page) => Promise<unknown>) => Promise.all(tabs.map(act));
  const place = (text: string) => all((tab) => tab.getByTestId('stage-wait').getByText(text).waitFor());
  await all((tab) => tab.goto(`${dashboard.url}/dashboard/remote-cli/auth?session=${sessionId}`));
  await place('2 before you');
  host.move({ ...wait, ahead: 1 });
  await place('1 before you');
  await dashboard.asOperator(`/api/auth/session/${sessionId}/cancel`, {});
  host.letIn();
  await all((tab) => tab.locator('[data-testid="session-status"][data-state="cancelled"]').waitFor());
  await all((tab) => tab.close());
});

test('a link for one session opens that session, and offers nothing else', async () => {
  const { viewerUrl } = await dashboard.startByApi('guest');
  const vm = host.vms.at(-1);
  await dashboard.asStranger(async (page) => {
    await page.goto(viewerUrl);
    await page.locator('[data-testid="viewer"][data-status="connected"]').waitFor();
    assert.equal(new URL(page.url()).hash, '', 'the token left the address');
    vm?.becomeReady();
    await page.locator('[data-testid="session-status"][data-state="signing_in"]').waitFor();
    vm?.succeed();
    await page.locator('[data-testid="end-state"][data-state="completed"]').waitFor();
    assert.equal(await page.getByTestId('back').count(), 0);

    // The next link opens the next session, though this browser still holds what let it into the first.
    const next = await dashboard.startByApi('guest');
    await page.goto(next.viewerUrl);
    await page.locator('[data-testid="viewer"][data-status="connected"]').waitFor();
    assert.equal(new URL(page.url()).hash, '', 'the token left the address');
    host.vms.at(-1)?.becomeReady();
    host.vms.at(-1)?.succeed();
    await page.locator('[data-testid="end-state"][data-state="completed"]').waitFor();
  });
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const viewport of [
    { width: 1280, height: 800 },
    { width: 390, height: 844 },
  ]) {
    test(`both pages are accessible, ${colorScheme} at ${viewport.width} pixels`, async () => {
      const page = await dashboard.newPage();
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.goto(`${dashboard.url}/dashboard/remote-cli?user=webrtc`);
      await page.getByTestId('provider-card-codex').waitFor();
      assert.deepEqual(await violations(page), []);
      await connect(page, `axe-${colorScheme}-${viewport.width}`);
      await page.locator('[data-testid="viewer"][data-status="connected"]').waitFor();
      assert.equal(await page.evaluate(() => document.getAnimations().length), 0, 'nothing moves');
      assert.deepEqual(await violations(page), []);
      const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(scrollWidth <= viewport.width, `the page is ${scrollWidth} pixels wide`);
      await page.getByTestId('cancel').click();
      await page.getByTestId('end-state').waitFor();
      assert.deepEqual(await violations(page), []);
      await page.close();
    });
  }
}

test('neither page has a script error, nor asks for anything its policy refuses', () => {
  assert.deepEqual(dashboard.complaints, []);
});

async function violations(page: Page): Promise<unknown[]> {
  // In the page's own world the policy forbids added scripts; evaluation by the debugger is not the page's.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const result = await (window as unknown as { axe: typeof axe }).axe.run();
    return result.violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => html) }));
  });
}
