import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { after, afterEach, before, test } from 'node:test';
import { type ControlState, VNC_PROTOCOLS, viewerResponseSchema } from '@browser-vm/protocol';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { WebSocket } from 'ws';
import { RfbClient } from '../../rfb/src/index.ts';
import { Desktop } from '../../rfb/test/desktop.ts';
import { SoundServer } from '../../streamer/test/sound-server.ts';
import type { BrowserVmViewerElement } from '../src/viewer/element.ts';
import { untilClipboard } from './support/clipboard.ts';
import { Dashboard } from './support/dashboard.ts';
import { DesktopHost, type DesktopVm } from './support/desktop-host.ts';
import { Embedder } from './support/embedder.ts';
import { GuestPage } from './support/guest-page.ts';
import { listen } from './support/loudest.ts';

let desktop: Desktop;
let guest: GuestPage;
let host: DesktopHost;
let dashboard: Dashboard;
before(async () => {
  desktop = await Desktop.start('1280x720');
  desktop.run('openbox', []);
  guest = await GuestPage.open(desktop);
  host = new DesktopHost(desktop.port, Number(desktop.display.slice(1)));
  dashboard = await Dashboard.start(host, { fixedSize: false });
});
afterEach(() => dashboard.closePages());
after(async () => {
  await dashboard?.stop();
  await guest?.close();
  await desktop?.stop();
});

interface Started {
  readonly vm: DesktopVm;
  readonly sessionId: string;
  readonly viewerUrl: string;
  readonly viewerToken: string;
}

async function start(userId: string, more: { clipboard?: boolean } = {}): Promise<Started> {
  const started = await dashboard.startByApi(userId, more);
  const vm = host.vms.at(-1);
  assert.ok(vm);
  vm.becomeReady();
  return { vm, ...started };
}

/** Opens the session's page as the operator whose browser this is. */
async function open(sessionId: string, size = { width: 1280, height: 800 }): Promise<Page> {
  const page = await dashboard.newPage();
  await page.setViewportSize(size);
  await page.goto(`${dashboard.url}/dashboard/remote-cli/auth?session=${sessionId}`);
  await connected(page, 'webrtc');
  return page;
}

async function connected(page: Page, transport: 'webrtc' | 'novnc'): Promise<void> {
  await page
    .locator(`[data-testid="viewer"][data-status="connected"][data-transport="${transport}"]`)
    .waitFor();
}

/** The size that fills the viewer's box of that page. */
function boxOf(page: Page): Promise<[number, number]> {
  return page.getByTestId('viewer').evaluate((element) => {
    const { width, height } = element.getBoundingClientRect();
    return [Math.floor(width / 2) * 2, Math.floor(height / 2) * 2];
  });
}

/** Waits until the guest's own window has that size, and the viewer shows a picture of it. */
async function untilDesktop(page: Page, [width, height]: readonly [number, number], after: number) {
  await guest.until(
    ({ type, value }) => type === 'size' && JSON.stringify(value) === JSON.stringify([width, height]),
    after,
  );
  await untilPicture(page, [width, height]);
}

async function untilPicture(page: Page, size: readonly [number, number]): Promise<void> {
  await page.waitForFunction(([wide, high]) => {
    const root = document.querySelector('browser-vm-viewer')?.shadowRoot;
    const video = root?.querySelector('video');
    const canvas = root?.querySelector('canvas');
    return (
      (video?.videoWidth === wide && video.videoHeight === high) ||
      (canvas?.width === wide && canvas.height === high)
    );
  }, size);
}

/** Clicks what is at that part of the desktop's width and height; where the guest says it was clicked. */
async function clickAt(
  page: Page,
  part: number,
  tells: 'click' | 'focus' = 'click',
): Promise<readonly [number, number]> {
  const box = await page.getByTestId('viewer').boundingBox();
  assert.ok(box);
  const mark = guest.told.length;
  await page.mouse.click(box.x + box.width * part, box.y + box.height / 2);
  return (await guest.until(({ type }) => type === tells, mark)).value as [number, number];
}

async function cancel(page: Page): Promise<void> {
  await page.getByTestId('cancel').click();
  await page.getByTestId('end-state').waitFor();
  await page.close();
}

async function violations(page: Page): Promise<unknown[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const result = await (window as unknown as { axe: typeof axe }).axe.run();
    return result.violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html }) => html) }));
  });
}

test('the desktop takes the size of its viewer and keeps to it, by WebRTC and by noVNC', async () => {
  const { sessionId } = await start('resize');
  let mark = guest.told.length;
  const page = await open(sessionId);
  const first = await boxOf(page);
  assert.notDeepEqual(first, [1280, 720]);
  await untilDesktop(page, first, mark);
  const [x, y] = await clickAt(page, 0.75);
  assert.ok(Math.abs(x - first[0] * 0.75) <= 2 && Math.abs(y - first[1] / 2) <= 2, `clicked ${x},${y}`);

  mark = guest.told.length;
  await page.setViewportSize({ width: 1000, height: 700 });
  const second = await boxOf(page);
  assert.notDeepEqual(second, first);
  await untilDesktop(page, second, mark);

  mark = guest.told.length;
  await page.getByTestId('fixed-size').click();
  await untilDesktop(page, [1280, 720], mark);
  mark = guest.told.length;
  await page.getByTestId('fixed-size').click();
  await untilDesktop(page, second, mark);

  await page.getByTestId('use-novnc').click();
  await connected(page, 'novnc');
  mark = guest.told.length;
  await page.setViewportSize({ width: 1100, height: 760 });
  await untilDesktop(page, await boxOf(page), mark);
  await cancel(page);
});

test('of two viewers one acts, the other takes control when it wants it', async () => {
  const { sessionId, vm } = await start('two');
  const first = await open(sessionId);
  const second = await open(sessionId);
  await second.getByText('Someone else is in control').waitFor();
  assert.equal(await first.getByTestId('take-control').count(), 0);
  assert.deepEqual(await violations(second), []);

  // Without control a click has no effect: the next one is the first that the guest tells of.
  let mark = guest.told.length;
  const box = await second.getByTestId('viewer').boundingBox();
  assert.ok(box);
  await second.mouse.click(box.x + box.width * 0.75, box.y + box.height / 2);
  await second.getByTestId('take-control').click();
  await first.getByText('Someone else is in control').waitFor();
  await clickAt(second, 0.75);
  assert.equal(guest.told.slice(mark).filter(({ type }) => type === 'click').length, 1);

  // The browser keeps the page for a way back, as this says; then it is closed.
  const leave = (type: 'pagehide' | 'pageshow') =>
    second.evaluate((name) => dispatchEvent(new PageTransitionEvent(name, { persisted: true })), type);
  for (const goAway of [() => leave('pagehide'), () => second.close()]) {
    mark = vm.streamer.events.length;
    await goAway();
    await first.getByTestId('take-control').waitFor({ state: 'detached' });
    const told = vm.streamer.events.slice(mark);
    const states = told.flatMap((event) => (event.type === 'viewer' ? [event.state] : []));
    assert.deepEqual(states, ['closed'], 'nobody had to notice');
    await clickAt(first, 0.75);
    if (second.isClosed()) break;
    await leave('pageshow');
    await connected(second, 'webrtc');
    await second.getByTestId('take-control').click();
    await second.getByText('You are in control, others watch').waitFor();
  }
  await cancel(first);
});

test('a viewer by noVNC has its turn as everybody, and keeps it when it changes its way', async () => {
  const { sessionId } = await start('two-ways');
  const first = await open(sessionId);
  const second = await open(sessionId);
  await second.getByTestId('use-novnc').click();
  await connected(second, 'novnc');
  await second.getByText('Someone else is in control').waitFor();
  assert.deepEqual(await violations(second), []);
  let mark = guest.told.length;
  const box = await second.getByTestId('viewer').boundingBox();
  assert.ok(box);
  await second.mouse.click(box.x + box.width * 0.75, box.y + box.height / 2);
  await second.keyboard.press('x');
  await second.getByTestId('take-control').click();
  await first.getByText('Someone else is in control').waitFor();
  await second.getByText('You are in control, others watch').waitFor();
  await clickAt(second, 0.75);
  assert.deepEqual(
    guest.told.slice(mark).flatMap(({ type }) => (type === 'click' || type === 'keydown' ? [type] : [])),
    ['click'],
  );

  // What is held down is let go when another takes control.
  await second.mouse.down();
  await second.keyboard.down('Shift');
  await guest.until(({ type, value }) => type === 'keydown' && value === 'Shift', mark);
  await first.getByTestId('take-control').click();
  await guest.until(({ type, value }) => type === 'keyup' && value === 'Shift', mark);
  await second.getByText('Someone else is in control').waitFor();
  await second.mouse.up();
  await second.keyboard.up('Shift');

  await second.getByTestId('take-control').click();
  await second.getByText('You are in control, others watch').waitFor();
  for (const way of ['use-webrtc', 'use-novnc'] as const) {
    await second.getByTestId(way).click();
    await connected(second, way === 'use-webrtc' ? 'webrtc' : 'novnc');
    await second.getByText('You are in control, others watch').waitFor();
    mark = guest.told.length;
    await clickAt(second, 0.75);
  }
  await second.close();
  await first.getByTestId('take-control').waitFor({ state: 'detached' });
  await clickAt(first, 0.75);
  await cancel(first);
});

test('what is typed while a streamer stands still for some seconds arrives once and in order', async () => {
  const { sessionId, vm } = await start('stall');
  const page = await open(sessionId);
  await page.locator('[data-testid="viewer-control"][data-holder="you"]').waitFor({ state: 'attached' });
  await clickAt(page, 0.25, 'focus');
  const mark = guest.told.length;
  await page.keyboard.type('before ');
  vm.streamer.child.kill('SIGSTOP');
  await page.keyboard.type('the stall ');
  await page.locator('[data-testid="viewer"][data-status="reconnecting"]').waitFor();
  await page.keyboard.type('and in it');
  vm.streamer.child.kill('SIGCONT');
  await guest.until(
    ({ type, value }) => type === 'text' && String(value).endsWith('before the stall and in it'),
    mark,
  );
  await connected(page, 'webrtc');
  await page.keyboard.press('!');
  const { value } = await guest.until(
    ({ type, value: text }) => type === 'text' && String(text).endsWith('!'),
    mark,
  );
  assert.ok(String(value).endsWith('before the stall and in it!'));
  await cancel(page);
});

test('the side buttons of a mouse mean back and forward in the guest, by either transport', async () => {
  const { sessionId } = await start('side-buttons');
  const page = await open(sessionId);
  const devtools = await page.context().newCDPSession(page);
  for (const transport of ['webrtc', 'novnc'] as const) {
    if (transport === 'novnc') await page.getByTestId('use-novnc').click();
    await connected(page, transport);
    await page.locator('[data-testid="viewer-control"][data-holder="you"]').waitFor({ state: 'attached' });
    const mark = guest.told.length;
    await clickAt(page, 0.75);
    const box = await page.getByTestId('viewer').boundingBox();
    assert.ok(box);
    const at = { x: box.x + box.width * 0.75, y: box.y + box.height / 2 };
    for (const button of ['back', 'forward'] as const) {
      const event = { ...at, button, clickCount: 1 };
      const buttons = button === 'back' ? 8 : 16;
      await devtools.send('Input.dispatchMouseEvent', { ...event, type: 'mousePressed', buttons });
      await devtools.send('Input.dispatchMouseEvent', { ...event, type: 'mouseReleased', buttons: 0 });
      const key = button === 'back' ? 'BrowserBack' : 'BrowserForward';
      await guest.until(({ type, value }) => type === 'keyup' && value === key, mark);
    }
  }
  await cancel(page);
});

test('a link for watching shows the desktop and acts on nothing, by either transport', async () => {
  const { sessionId, viewerToken } = await start('watch');
  const page = await open(sessionId);
  const response = await dashboard.asOperator(`/api/auth/session/${sessionId}/viewers`, { mode: 'view' });
  const watcher = viewerResponseSchema.parse(await response.json());

  // Whoever is let in by noVNC alone, and sends what it likes.
  const byVnc = async (token: string) => {
    const url = `${dashboard.url.replace('http', 'ws')}/api/vnc/session/${sessionId}`;
    const socket = new WebSocket(url, [VNC_PROTOCOLS.control, `bearer.${token}`]);
    const stream = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, written) => socket.send(chunk, written),
    });
    const settled = new Promise<void>((resolve) => {
      socket.on('message', (data, isBinary) => {
        if (isBinary) return stream.push(data);
        const { mode, holder } = JSON.parse(String(data)) as ControlState;
        if (mode === 'view' || holder === 'you') resolve();
        else socket.send('{"type":"take_control"}');
      });
    });
    stream.once('close', () => socket.close());
    await once(socket, 'open');
    await settled;
    const client = await RfbClient.connect({ stream });
    await client.takePicture();
    return client;
  };
  const [acting, watching] = [await byVnc(viewerToken), await byVnc(watcher.viewerToken)];
  const copied: string[] = [];
  watching.on('clipboard', (text) => copied.push(text));
  const told = once(acting, 'clipboard');
  const mark = guest.told.length;
  const size = [watching.width, watching.height];
  for (const mask of [0, 1, 0]) watching.pointer(size[0]! * 0.75, size[1]! / 2, mask);
  for (const down of [true, false]) watching.key(0x61, down);
  watching.clipboard('from one who watches');
  watching.setSize(800, 600);
  await watching.takePicture();
  for (const mask of [0, 1, 0]) acting.pointer(size[0]! * 0.75, size[1]! / 2, mask);
  await guest.until(({ type }) => type === 'click', mark);
  assert.deepEqual(await told, ['copied in the guest']);
  await watching.takePicture();
  assert.deepEqual(
    guest.told.slice(mark).filter(({ type }) => type !== 'click'),
    [],
  );
  assert.equal(guest.told.slice(mark).length, 1);
  assert.deepEqual([watching.width, watching.height], size);
  assert.deepEqual(copied, [], 'what is copied is for who may act');
  acting.close();
  watching.close();

  await dashboard.asStranger(async (other) => {
    await other.goto(watcher.viewerUrl);
    await connected(other, 'webrtc');
    await other.getByText('You are watching only').waitFor();
    assert.equal(await other.getByTestId('cancel').count(), 0);
    assert.equal(await other.getByTestId('take-control').count(), 0);
    await other.getByTestId('use-novnc').click();
    await connected(other, 'novnc');
    await other.getByText('You are watching only').waitFor();
  });
  await cancel(page);
});

test('of a session without clipboard nothing copied crosses, either way and by either transport', async () => {
  const { sessionId } = await start('no-clipboard', { clipboard: false });
  const page = await open(sessionId);
  for (const transport of ['webrtc', 'novnc'] as const) {
    if (transport === 'novnc') await page.getByTestId('use-novnc').click();
    await connected(page, transport);
    await page.locator('[data-testid="viewer-control"][data-holder="you"]').waitFor({ state: 'attached' });
    await page.evaluate(() => navigator.clipboard.writeText('of the person'));
    const mark = guest.told.length;
    // The guest copies at each click; then it pastes what it has.
    await clickAt(page, 0.75);
    await clickAt(page, 0.25, 'focus');
    await page.keyboard.press('Control+v');
    const { value } = await guest.until(({ type }) => type === 'text', mark);
    assert.match(String(value), /copied in the guest$/, `by ${transport}`);
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'of the person');
  }
  await cancel(page);
});

test('an image is pasted into the desktop, and copied from it by a button, by either transport', async () => {
  const { sessionId } = await start('images');
  const page = await open(sessionId);
  await page.getByTestId('copy-image').click();
  await page.getByText('No image was copied on the desktop').waitFor();
  for (const transport of ['webrtc', 'novnc'] as const) {
    if (transport === 'novnc') await page.getByTestId('use-novnc').click();
    await connected(page, transport);
    await page.locator('[data-testid="viewer-control"][data-holder="you"]').waitFor({ state: 'attached' });
    // What was copied on the desktop before is told to who connects; nothing comes after this.
    await clickAt(page, 0.25, 'focus');
    await page.keyboard.press('F8');
    await untilClipboard(page, 'copied by F8');
    await page.getByTitle('No image was copied on the desktop').waitFor();
    await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(40, 30);
      const context = canvas.getContext('2d');
      if (context === null) throw new Error('no canvas');
      context.fillStyle = '#c81e5a';
      context.fillRect(0, 0, 40, 30);
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': canvas.convertToBlob() })]);
    });
    const mark = guest.told.length;
    if (transport === 'webrtc') await page.keyboard.press('Control+v');
    else await page.getByTestId('paste').click();
    const pasted = await guest.until(({ type }) => type === 'image', mark);
    assert.deepEqual(pasted.value, [40, 30, 0xc8, 0x1e, 0x5a, 255], `by ${transport}`);

    await page.keyboard.press('F9');
    await guest.until(({ type }) => type === 'image-copied', mark);
    await page.getByTitle('An image was copied on the desktop').waitFor();
    await page.getByTestId('copy-image').click();
    await page.getByText('The image is on your clipboard').waitFor();
    const copied = await page.evaluate(async () => {
      const [item] = await navigator.clipboard.read();
      const image = await item?.getType('image/png');
      if (image === undefined) return null;
      const bitmap = await createImageBitmap(image);
      const context = new OffscreenCanvas(1, 1).getContext('2d');
      context?.drawImage(bitmap, 0, 0);
      return [bitmap.width, bitmap.height, ...(context?.getImageData(0, 0, 1, 1).data ?? [])];
    });
    assert.deepEqual(copied, [50, 20, 0x0a, 0x7d, 0x5a, 255], `by ${transport}`);
  }
  assert.deepEqual(await violations(page), []);
  await cancel(page);
});

test('the button to invite gives a link that lets somebody watch, says until when, and is not for who was invited', async () => {
  const { sessionId } = await start('invite');
  const page = await open(sessionId);
  await page.getByTestId('invite').focus();
  await page.keyboard.press('Enter');
  const link = page.getByTestId('invitation-link');
  await link.waitFor();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    assert.deepEqual(await violations(page), []);
  }
  assert.match((await page.getByTestId('invitation-expiry').textContent()) ?? '', /until .+ \(in .+\)/);
  await page.getByTestId('invitation-copy').click();
  await page.getByTestId('invitation-copy').getByText('Copied').waitFor();
  const url = await link.inputValue();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), url);
  await page.keyboard.press('Escape');
  await page.getByTestId('invitation').waitFor({ state: 'detached' });
  assert.equal(
    await page.getByTestId('invite').evaluate((button) => button === document.activeElement),
    true,
  );

  await dashboard.asStranger(async (other) => {
    await other.goto(url);
    await connected(other, 'webrtc');
    await other.getByText('You are watching only').waitFor();
    assert.equal(await other.getByTestId('invite').count(), 0);
  });
  await cancel(page);
});

test('statistics are shown by button and by key, with the figures of the connection', async () => {
  const { sessionId } = await start('statistics');
  const page = await open(sessionId);
  const [width, height] = await boxOf(page);
  await untilPicture(page, [width, height]);
  // Where there is no sound, there is no button for it.
  assert.equal(await page.getByTestId('sound').count(), 0);
  const overlay = page.getByTestId('viewer-statistics');
  assert.equal(await overlay.isVisible(), false);
  await page.getByTestId('statistics').click();
  await overlay.getByText('direct').waitFor();
  await overlay.getByText('VP8').waitFor();
  await overlay.getByText(`${width} × ${height}`).waitFor();
  const value = async (name: string) =>
    Number.parseFloat(
      await overlay.evaluate(
        (list, term) =>
          [...list.querySelectorAll('dt')].find(({ textContent }) => textContent === term)?.nextElementSibling
            ?.textContent ?? '',
        name,
      ),
    );
  // Something moves while it is looked at.
  const deadline = Date.now() + 30_000;
  while (!((await value('Bitrate')) > 0 && (await value('Frames')) > 0)) {
    assert.ok(Date.now() < deadline, `the figures stayed ${await overlay.textContent()}`);
    await clickAt(page, 0.75);
  }
  const [roundTrip, frames, bitrate] = [
    await value('Round trip'),
    await value('Frames'),
    await value('Bitrate'),
  ];
  assert.ok(roundTrip >= 0 && roundTrip < 1000, `round trip ${roundTrip} ms`);
  assert.ok(frames <= 60 && bitrate < 20_000, `${frames} frames, ${bitrate} kbit/s`);
  assert.deepEqual(await violations(page), []);

  // The desktop has the keyboard now, and this key is not for it.
  const before = guest.told.length;
  await page.keyboard.press('Control+F8');
  await overlay.waitFor({ state: 'hidden' });
  await page.locator('[data-testid="statistics"][aria-pressed="false"]').waitFor();
  assert.ok(!guest.told.slice(before).some(({ value: key }) => key === 'F8'));
  await page.keyboard.press('Control+F6');
  await page.getByTestId('use-novnc').click();
  await connected(page, 'novnc');
  await page.getByTestId('statistics').click();
  await overlay.getByText('noVNC').waitFor();
  await page.setViewportSize({ width: 390, height: 844 });
  assert.deepEqual(await violations(page), []);
  const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(scrollWidth <= 390, `the page is ${scrollWidth} pixels wide`);
  await cancel(page);
});

const hearsTone = () => Math.abs(loudest().hertz - 440) < 20 && loudest().decibels > -50;

test('a desktop with sound is heard from the press of a button on, again after noVNC, and until the next press', async (t) => {
  const server = await SoundServer.start();
  t.after(() => server.stop());
  server.playTone(440);
  host.streamer = { soundPort: server.port };
  const { sessionId } = await start('listener');
  host.streamer = {};
  const page = await open(sessionId);
  const button = page.getByRole('button', { name: 'Sound' });
  await page.locator('[data-testid="sound"][aria-pressed="false"]').click();
  await listen(page);
  await page.waitForFunction(hearsTone);
  await page.getByTestId('statistics').click();
  await page.getByTestId('viewer-statistics').getByText('VP8, opus').waitFor();

  await page.getByTestId('use-novnc').click();
  await connected(page, 'novnc');
  await server.untilListened(0);
  assert.equal(await button.count(), 0);

  await page.getByTestId('use-webrtc').click();
  await connected(page, 'webrtc');
  await page.locator('[data-testid="sound"][aria-pressed="true"]').waitFor();
  await listen(page);
  await page.waitForFunction(hearsTone);
  await button.click();
  await server.untilListened(0);
  await page.waitForFunction(() => loudest().decibels < -90);
  await cancel(page);
});

test('the plain example shows and controls a desktop inside a page of another site', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'browser-vm-embedder-'));
  const embedder = await Embedder.start(dashboard.url, directory);
  const { sessionId, viewerToken, vm } = await start('embedded');
  const page = await dashboard.newPage();
  const mark = guest.told.length;
  await page.goto(`${embedder.url}/#session=${sessionId}&token=${viewerToken}`);
  await page.getByText('Connected by WebRTC').waitFor();
  assert.equal(new URL(page.url()).hash, '', 'the token left the address');
  const viewer = page.locator('browser-vm-viewer');
  const size = await viewer.evaluate(({ clientWidth, clientHeight }) => [
    Math.floor(clientWidth / 2) * 2,
    Math.floor(clientHeight / 2) * 2,
  ]);
  await guest.until(
    ({ type, value }) => type === 'size' && JSON.stringify(value) === JSON.stringify(size),
    mark,
  );
  const box = await viewer.boundingBox();
  assert.ok(box);
  await page.waitForFunction(
    (wide) =>
      document.querySelector('browser-vm-viewer')?.shadowRoot?.querySelector('video')?.videoWidth === wide,
    size[0],
  );
  await page.mouse.click(box.x + box.width * 0.75, box.y + box.height / 2);
  await guest.until(({ type }) => type === 'click', mark);
  await page.getByRole('button', { name: 'Statistics' }).click();
  await page.getByTestId('viewer-statistics').getByText('direct').waitFor();
  assert.deepEqual(await violations(page), []);
  vm.succeed();
  await page.close();
  embedder.stop();
  await rm(directory, { recursive: true });
});

test('a viewer whose session waits to start says its place, and connects when its turn comes', async (context) => {
  const directory = await mkdtemp(join(tmpdir(), 'browser-vm-embedder-'));
  context.after(() => rm(directory, { recursive: true }));
  const embedder = await Embedder.start(dashboard.url, directory);
  context.after(() => embedder.stop());
  const wait = { reason: 'cpu', message: 'no CPU is free', ahead: 2, expectedSeconds: 14 } as const;
  host.wait = wait;
  const { sessionId, viewerToken } = await dashboard.startByApi('patient');
  const [page, progress] = [await dashboard.newPage(), await dashboard.newPage()];
  const tried: string[] = [];
  page.on('websocket', (socket) => {
    if (socket.url().includes('/vnc/')) tried.push(socket.url());
  });
  await page.goto(`${embedder.url}/#session=${sessionId}&token=${viewerToken}`);
  await page.getByText('Waiting to start. 2 before you, about 14 s.').waitFor();
  await progress.goto(`${dashboard.url}/dashboard/remote-cli/auth?session=${sessionId}`);
  const place = progress.getByTestId('stage-wait');
  await place.getByText('2 before you, about 14 s').waitFor();
  host.move({ ...wait, ahead: 0, expectedSeconds: null });
  await page.getByText('Waiting to start. You are next.').waitFor();
  await place.getByText('You are next').waitFor();
  await page.evaluate(() => {
    const { viewer } = document.querySelector('browser-vm-viewer') as BrowserVmViewerElement;
    viewer?.on('wait', (detail) => Object.assign(document.body.dataset, { wait: JSON.stringify(detail) }));
  });
  assert.deepEqual(tried, [], 'noVNC is not tried meanwhile');
  host.letIn();
  await page.getByText('Connected by WebRTC').waitFor();
  assert.equal(await page.evaluate(() => document.body.dataset.wait), '{"wait":null}');
  await place.waitFor({ state: 'detached' });
  await connected(progress, 'webrtc');
  host.vms.at(-1)?.succeed();
  await Promise.all([page.close(), progress.close()]);
});

test('no page has a script error, nor asks for anything its policy refuses', () => {
  assert.deepEqual(dashboard.complaints, []);
});
