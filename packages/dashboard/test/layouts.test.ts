import assert from 'node:assert/strict';
import { execFile as execFileCallback } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import type { Page as FirefoxPage } from 'puppeteer-core';
import { startFirefox } from '../../../test/support/firefox.ts';
import { writeKeymap } from '../../agent/src/desktop/keymap.ts';
import { Desktop } from '../../rfb/test/desktop.ts';
import { untilClipboard } from './support/clipboard.ts';
import { Dashboard } from './support/dashboard.ts';
import { DesktopHost } from './support/desktop-host.ts';
import { GuestPage } from './support/guest-page.ts';
import { key, type Press, Typist } from './support/typing.ts';

const execFile = promisify(execFileCallback);

let keymap: string;
let desktop: Desktop;
let guest: GuestPage;
let host: DesktopHost;
let dashboard: Dashboard;
let page: Page;
let typist: Typist;
before(async () => {
  keymap = await mkdtemp(join(tmpdir(), 'browser-vm-keymap-'));
  writeKeymap(keymap);
  desktop = await Desktop.start('1280x720', undefined, ['-xkbdir', keymap]);
  await desktop.firstKey();
  guest = await GuestPage.open(desktop);
  host = new DesktopHost(desktop.port);
  dashboard = await Dashboard.start(host);
  page = await dashboard.newPage();
  await page.goto(await openSession('typist'));
  await page.locator('[data-testid="stage-live_picture"][data-state="done"]').waitFor();
  await page.getByTestId('viewer').click({ position: FIELD });
  typist = await Typist.before(page);
});
after(async () => {
  await dashboard?.stop();
  await guest?.close();
  await desktop?.stop();
  await rm(keymap, { recursive: true, force: true });
});

/** Within the left half of the desktop, where the field is. CSS pixels of the viewer. */
const FIELD = { x: 200, y: 250 };

/** A session whose desktop is there, and the link that opens it. */
async function openSession(user: string): Promise<string> {
  const { viewerUrl } = await dashboard.startByApi(user);
  host.vms.at(-1)?.becomeReady();
  return viewerUrl;
}

/** Waits until the guest's field, emptied before, holds exactly this. */
async function written(text: string, mark: number): Promise<void> {
  await guest.until(({ type, value }) => type === 'text' && value === text, mark);
}

async function emptied(): Promise<number> {
  const mark = guest.told.length;
  await typist.press(key('a', 'KeyA', 'Control'));
  await typist.press(key('x', 'KeyX'));
  await typist.press(key('Backspace', 'Backspace'));
  await written('', mark);
  return guest.told.length;
}

const CYRILLIC =
  'KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period'.split(
    ' ',
  );

/** What people press; `Dead` writes nothing, and the next key the letter with its accent. */
const LAYOUTS: Readonly<Record<string, readonly Press[]>> = {
  US: [
    key('H', 'KeyH', 'Shift'),
    key('i', 'KeyI'),
    key(' ', 'Space'),
    key('"', 'Quote', 'Shift'),
    key('z', 'KeyZ'),
    key('@', 'Digit2', 'Shift'),
    key('~', 'Backquote', 'Shift'),
  ],
  German: [
    key('z', 'KeyY'),
    key('y', 'KeyZ'),
    key('ä', 'Quote'),
    key('Ö', 'Semicolon', 'Shift'),
    key('ß', 'Minus'),
    key('@', 'KeyQ', 'AltGraph'),
    key('{', 'Digit7', 'AltGraph'),
    key('€', 'KeyE', 'AltGraph'),
    key('Dead', 'Backquote'),
    key('ê', 'KeyE'),
  ],
  French: [
    key('a', 'KeyQ'),
    key('q', 'KeyA'),
    key('w', 'KeyZ'),
    key('m', 'Semicolon'),
    key('é', 'Digit2'),
    key('à', 'Digit0'),
    key('2', 'Digit2', 'Shift'),
    key('M', 'Semicolon', 'Shift'),
    key('Dead', 'BracketLeft'),
    key('î', 'KeyI'),
    key('#', 'Digit3', 'AltGraph'),
  ],
  Russian: [
    key('Щ', 'KeyO', 'Shift'),
    ...[...'йцукенгшщзхъфывапролджэячсмитьбю'].map((letter, at) => key(letter, CYRILLIC[at] ?? '')),
    key('Ё', 'Backquote', 'Shift'),
    key('₽', 'Digit8', 'AltGraph'),
  ],
  // Of an alphabet that the guest's keyboard has no room for.
  Thai: [
    key('ส', 'KeyL'),
    key('ว', 'Semicolon'),
    key('ั', 'KeyY'),
    key('ส', 'KeyL'),
    key('ด', 'KeyF'),
    key('ี', 'KeyU'),
    key(' ', 'Space'),
    key('฿', 'Digit4', 'Shift'),
    key('1', 'Digit1'),
  ],
};

for (const [layout, presses] of Object.entries(LAYOUTS)) {
  test(`what is pressed on a ${layout} keyboard is what is written`, async () => {
    const mark = await emptied();
    for (const press of presses) await typist.press(press);
    const text = presses.map((press) => (press.key === 'Dead' ? '' : press.key)).join('');
    await written(text, mark);
  });
}

test('what a Japanese input method gives is written once it is chosen, and emoji too; the clipboard stays', async () => {
  const mark = await emptied();
  const owner = desktop.run('xclip', ['-selection', 'clipboard', '-i', '-quiet'], 'mine');
  await untilClipboard(page, 'mine');
  await typist.compose('に', 'にほ', 'にほんご', '日本語');
  await typist.press(key('a', 'KeyA'));
  await typist.compose('かな', '仮名');
  await typist.insert('🙂👍🏽');
  await typist.press(key('z', 'KeyZ'));
  await written('日本語a仮名🙂👍🏽z', mark);
  const clipboard = () => execFile('xclip', ['-selection', 'clipboard', '-o'], { env: desktop.env });
  const deadline = Date.now() + 20_000;
  for (let now = ''; now !== 'mine'; now = (await clipboard()).stdout) {
    assert.ok(Date.now() < deadline, `the clipboard holds ${JSON.stringify(now)}`);
  }
  owner.kill();
});

test('shortcuts on a Cyrillic layout are those of the keys’ places', async () => {
  let mark = await emptied();
  for (const press of [key('д', 'KeyL'), key('а', 'KeyF')]) await typist.press(press);
  await written('да', mark);
  await typist.press(key('ф', 'KeyA', 'Control'));
  await typist.press(key('с', 'KeyC', 'Control'));
  await untilClipboard(page, 'да');
  mark = guest.told.length;
  await page.evaluate(() => navigator.clipboard.writeText('before'));
  await typist.press(key('ч', 'KeyX', 'Control'));
  await written('', mark);
  // What was cut has come, and replaces nothing of what follows.
  await untilClipboard(page, 'да');
  mark = guest.told.length;
  await page.evaluate(() => navigator.clipboard.writeText('вставка'));
  await typist.press(key('м', 'KeyV', 'Control'));
  await written('вставка', mark);
});

test('a key that is held repeats, and is up when it is let go', async () => {
  const mark = await emptied();
  for (let count = 0; count < 3; count += 1) await page.keyboard.down('k');
  await page.keyboard.up('k');
  await written('kkk', mark);
  await guest.until(({ type, value }) => type === 'keyup' && value === 'k', mark);
});

test('Firefox writes what is typed, and its clipboard goes both ways', async () => {
  const mark = await emptied();
  const firefox = await startFirefox({ preferences: CLIPBOARD });
  try {
    const other: FirefoxPage = await firefox.newPage();
    await other.setViewport({ width: 1280, height: 800 });
    await page.close();
    await other.goto(await openSession('firefox'));
    await other.waitForSelector('[data-testid="stage-live_picture"][data-state="done"]', { timeout: 60_000 });
    const viewer = await other.waitForSelector('[data-testid="viewer"]');
    const box = await viewer?.boundingBox();
    assert.ok(box);
    await other.mouse.click(box.x + FIELD.x, box.y + FIELD.y);
    await other.keyboard.type('Größe, @ {да} ê');
    await written('Größe, @ {да} ê', mark);
    await other.keyboard.down('Control');
    await other.keyboard.press('a');
    await other.keyboard.press('c');
    await other.keyboard.up('Control');
    await untilClipboard(other, 'Größe, @ {да} ê');
    const pasted = guest.told.length;
    await other.evaluate(() => navigator.clipboard.writeText('東京 🙂'));
    await other.keyboard.down('Control');
    await other.keyboard.press('v');
    await other.keyboard.up('Control');
    await written('東京 🙂', pasted);
  } finally {
    await firefox.close();
  }
});

/** What a person would be asked. */
const CLIPBOARD = {
  'dom.events.testing.asyncClipboard': true,
};
