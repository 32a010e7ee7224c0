import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { SessionEvent } from '@browser-vm/protocol';
import type { Page } from 'playwright-core';
import { Api } from './support/api.ts';
import { ControllerProcess } from './support/controller-process.ts';
import { cpuSeconds } from './support/cpu.ts';
import { BUTTON_COLOUR, PRESSED_COLOUR, SignInJourney } from './support/journey.ts';
import { leftovers, stateAtRest } from './support/leftovers.ts';
import { clockCorrectionsOf, monitorsOf } from './support/monitors.ts';
import { look, type Place, waitForColour } from './support/picture.ts';
import { startWorld, type TestWorld } from './support/test-world.ts';
import { openViewerBrowser } from './support/viewer-browser.ts';

/** These end a hang. Milliseconds. */
const LIMIT = 180_000;
/** Over which CPUs that stand still are looked at, and how much longer than that a clock is behind at most. Milliseconds. */
const ASLEEP = 4000;

declare global {
  interface Window {
    connections: RTCPeerConnection[];
  }
}

let world: TestWorld;
let controller: ControllerProcess;
let api: Api;
/** With a full pool and no session. */
let atRest: readonly string[];

before(async () => {
  world = await startWorld();
  controller = await ControllerProcess.start({ ...world.environment, BROWSER_VM_STANDBY_SECONDS: '3' });
  api = await Api.of(controller);
  atRest = await stateAtRest(controller, api);
});

after(async () => {
  await controller?.remove();
  await world?.close();
});

/** Waits until a session has gone to standby, or woken, and fails when it ends first. */
async function happened(sessionId: string, type: SessionEvent['event']['type']): Promise<void> {
  const events = await api.history(sessionId, ({ event }) => event.type === type);
  assert.equal(events.at(-1)?.event.type, type, `the session ended first:\n${controller.output}`);
}

/** The session's page says that the VM is in standby. */
async function seePaused(page: Page): Promise<void> {
  await page.getByText('Paused to save resources').waitFor({ timeout: LIMIT });
}

/** Moves the pointer until the sign-in page is painted, so that a slow one is not put to standby before. */
async function seeSignInPage(page: Page, screen: string): Promise<Place> {
  const deadline = Date.now() + LIMIT;
  for (let moves = 0; ; moves += 1) {
    const place = (await look(page, screen, BUTTON_COLOUR))?.place ?? null;
    if (place !== null) return place;
    assert.ok(Date.now() < deadline, 'the sign-in page was never painted');
    await page.mouse.move(300 + (moves % 5), 300);
    await page.waitForTimeout(500);
  }
}

/** Sees that the CPUs of a session's VM stand still. */
async function seeStandstill(sessionId: string): Promise<void> {
  const monitor = (await monitorsOf(controller)).get(sessionId);
  assert.ok(monitor, 'the session has a monitor');
  const before = await cpuSeconds(monitor);
  await delay(ASLEEP);
  // The monitor itself may wake for a moment; a guest at rest uses many times as much.
  assert.ok((await cpuSeconds(monitor)) - before <= 0.02, 'the monitor used no CPU');
}

/** Between the button and the top of the page's form. */
async function press(page: Page, button: Place): Promise<void> {
  await page.mouse.move(button.x, button.y - 230 * button.scale);
  await page.mouse.down();
}

test('a desktop nobody touches stops its CPUs while its stream stays, wakes at a press that it answers, has the right time, and completes the sign-in', async () => {
  const browser = await openViewerBrowser();
  const { page } = browser;
  await page.context().addInitScript(() => {
    window.connections = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
      constructor(configuration?: RTCConfiguration) {
        super(configuration);
        window.connections.push(this);
      }
    };
  });
  try {
    const journey = new SignInJourney(page, { controller, userId: 'dreamer', transport: 'webrtc' });
    await journey.openDashboard();
    await journey.connect('codex');
    await journey.seeDesktop();
    const screen = '[data-testid="viewer-video"]';
    const button = await seeSignInPage(page, screen);
    const sessionId = new URL(page.url()).searchParams.get('session') ?? '';

    await seePaused(page);
    await seeStandstill(sessionId);
    const { usage } = await api.host();
    assert.deepEqual([usage.vms, usage.standby], [1, 1]);
    assert.notEqual(await look(page, screen), null);

    await press(page, button);
    await waitForColour(page, screen, PRESSED_COLOUR, LIMIT);
    await page.mouse.up();
    await waitForColour(page, screen, BUTTON_COLOUR, LIMIT);
    await seePaused(page);
    await seeStandstill(sessionId);
    const states = await page.evaluate(() => window.connections.map((peer) => peer.connectionState));
    assert.deepEqual(states, ['connected'], 'the one connection was made once and is still there');

    await journey.signInByHand(world.identityProvider.user);
    // Until the tool is done: on a slow machine that takes longer than the quiet that leads to standby.
    const moving = setInterval(
      () => void page.mouse.move(300 + Math.random() * 9, 300).catch(() => {}),
      1000,
    );
    await journey.seeCompleted().finally(() => clearInterval(moving));
    const events = await api.history(sessionId);
    const corrections = clockCorrectionsOf(controller, sessionId);
    const sleeps = events.flatMap(({ at, event }, index) => {
      const woke = events.slice(index).find((later) => later.event.type === 'awake');
      return event.type === 'standby' && woke !== undefined ? [Date.parse(woke.at) - Date.parse(at)] : [];
    });
    assert.equal(corrections.length, sleeps.length);
    for (const [index, correction] of corrections.entries()) {
      const sleep = sleeps[index] ?? 0;
      // Uncorrected, a clock would be behind by all the sleeps so far.
      assert.ok(Math.abs(correction - sleep) < ASLEEP / 2, `behind by ${correction} ms after ${sleep} ms`);
    }
    assert.ok(sleeps.filter((sleep) => sleep >= ASLEEP).length >= 2, sleeps.join());
  } finally {
    await browser.close();
  }
  assert.deepEqual(await leftovers(atRest, controller.runDir), []);
});

test('a VM nobody looks at sleeps, wakes for a viewer and at input through noVNC, and a session in standby is cancelled at once', async () => {
  const browser = await openViewerBrowser();
  const { page } = browser;
  try {
    const sessionId = await api.start('sleeper', 'codex');
    await happened(sessionId, 'standby');
    await seeStandstill(sessionId);
    await page.goto(await controller.newSignInLink());
    await page.goto(`${controller.url}/dashboard/remote-cli/auth?session=${sessionId}`);
    await page.getByTestId('use-novnc').click();
    await happened(sessionId, 'awake');
    const screen = 'canvas[width="1280"]';
    const button = await seeSignInPage(page, screen);
    await seePaused(page);
    await press(page, button);
    await waitForColour(page, screen, PRESSED_COLOUR, LIMIT);
    await page.mouse.up();
    await seePaused(page);
    await seeStandstill(sessionId);
    assert.equal((await api.cancel(sessionId)).status, 'cancelled');
    const history = (await api.history(sessionId)).map(({ event }) => event.type);
    assert.equal(history.filter((type) => type !== 'state' && type !== 'stage').at(-1), 'standby');
  } finally {
    await browser.close();
  }
  assert.deepEqual(await leftovers(atRest, controller.runDir), []);
});
