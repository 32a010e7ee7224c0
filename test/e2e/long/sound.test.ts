import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { listen } from '../../../packages/dashboard/test/support/loudest.ts';
import { ControllerProcess } from '../support/controller-process.ts';
import { BUTTON_COLOUR, PRESSED_COLOUR, SignInJourney } from '../support/journey.ts';
import { waitForColour } from '../support/picture.ts';
import { startWorld, type TestWorld } from '../support/test-world.ts';
import { openViewerBrowser } from '../support/viewer-browser.ts';

/** These end a hang. Milliseconds. */
const LIMIT = 180_000;
const TONE_HERTZ = 440;
const VIDEO = '[data-testid="viewer-video"]';

const css = ({ red, green, blue }: typeof BUTTON_COLOUR) => `rgb(${red} ${green} ${blue})`;

/** Plays a tone from the first press on, and shows that it does. */
const PAGE = `<!doctype html><title>A tone</title>
<body style="margin:0;height:100vh;background:${css(BUTTON_COLOUR)}">
<script>
addEventListener('pointerdown', async () => {
  const audio = new AudioContext();
  const tone = new OscillatorNode(audio, { frequency: ${TONE_HERTZ} });
  tone.connect(audio.destination);
  tone.start();
  await audio.resume();
  document.body.style.background = '${css(PRESSED_COLOUR)}';
}, { once: true });
</script>`;

let world: TestWorld;
let controller: ControllerProcess;
before(async () => {
  world = await startWorld({ page: PAGE });
  controller = await ControllerProcess.start({ ...world.environment, BROWSER_VM_AUDIO: 'true' });
});
after(async () => {
  await controller?.remove();
  await world?.close();
});

test('a person hears what a page in the VM plays once they want to, and until they do not', async (t) => {
  const browser = await openViewerBrowser();
  const { page } = browser;
  try {
    const journey = new SignInJourney(page, { controller, userId: 'listener', transport: 'webrtc' });
    await journey.openDashboard();
    await journey.connect('codex');
    await journey.seeDesktop();
    const sound = page.getByTestId('sound');
    assert.equal(await sound.getAttribute('aria-pressed'), 'false');
    const place = await waitForColour(page, VIDEO, BUTTON_COLOUR, LIMIT);
    await page.mouse.click(place.x, place.y);
    await waitForColour(page, VIDEO, PRESSED_COLOUR, LIMIT);

    const pressedAt = performance.now();
    await sound.click();
    assert.equal(await sound.getAttribute('aria-pressed'), 'true');
    await listen(page);
    const hears = ([hertz]: number[]) => {
      const now = globalThis.loudest();
      return Math.abs(now.hertz - (hertz ?? 0)) < 20 && now.decibels > -50;
    };
    await page.waitForFunction(hears, [TONE_HERTZ], { timeout: LIMIT });
    t.diagnostic(`heard ${Math.round(performance.now() - pressedAt)} ms after it was wanted`);

    await sound.click();
    await page.waitForFunction(() => globalThis.loudest().decibels < -90, undefined, { timeout: LIMIT });
  } finally {
    await browser.close();
  }
});
