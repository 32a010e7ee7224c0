/**
 * What a session costs in standby, and what it costs to wake it: somebody whose viewer stays connected presses the
 * mouse on a desktop that runs, then on the same one in standby, again and again.
 *
 *   npm run bench:standby -- [--sessions 3] [--wakes 10] [--seconds 5] [--set KEY=VALUE ...] [--json]
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { BUTTON_COLOUR } from '../test/e2e/support/journey.ts';
import { clockCorrectionsOf, monitorsOf } from '../test/e2e/support/monitors.ts';
import { waitForColour } from '../test/e2e/support/picture.ts';
import { openViewerBrowser } from '../test/e2e/support/viewer-browser.ts';
import { startLiveSession } from './density/live-session.ts';
import { printReport } from './report/print.ts';
import { clickToAnswer } from './standby/click.ts';
import { runBench, say, settingsOf } from './support/bench.ts';
import { coresUsed, memoryOf } from './support/processes.ts';
import { usedTemplate } from './support/template.ts';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '3' },
    wakes: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '5' },
    set: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
});
/** Over which CPU is measured; of a VM that runs, it must be over before standby. Milliseconds. */
const WINDOW = 3000;
/** What a press started is over then. Milliseconds. */
const AFTER_CLICK = 1000;
/** This only ends a hang. Milliseconds. */
const LIMIT = 120_000;

const settings = { BROWSER_VM_STANDBY_SECONDS: values.seconds, ...settingsOf(values.set) };
await runBench(settings, async (bench) => {
  const { api, controller, signal } = bench;
  const browser = await openViewerBrowser();
  bench.atEnd(() => browser.close());
  const { page } = browser;
  await page.goto(await controller.newSignInLink());
  const measured = {
    runningClickMs: [] as number[],
    clickMs: [] as number[],
    wakeMs: [] as number[],
    runningCores: [] as number[],
    cores: [] as number[],
    uniqueMb: [] as number[],
    guestMb: [] as number[],
    translatedMb: [] as number[],
  };
  for (let run = 1; run <= Number(values.sessions); run += 1) {
    const session = await startLiveSession(bench, `standby-${run}`);
    if ('refusal' in session) throw new Error(session.refusal);
    const { sessionId } = session;
    const pid = (await monitorsOf(controller)).get(sessionId);
    if (pid === undefined) throw new Error(`session ${sessionId} has no monitor`);
    await page.goto(`${controller.url}/dashboard/remote-cli/auth?session=${sessionId}`);
    const button = await waitForColour(page, '[data-testid="viewer-video"]', BUTTON_COLOUR, LIMIT);
    await page.mouse.move(button.x, button.y - 230 * button.scale);
    // The first answer costs what no later one does: its code is translated, its memory copied.
    await clickToAnswer(page, BUTTON_COLOUR);
    for (let wake = 1; wake <= Number(values.wakes); wake += 1) {
      await delay(AFTER_CLICK, undefined, { signal });
      const runningMs = await clickToAnswer(page, BUTTON_COLOUR);
      measured.runningClickMs.push(runningMs);
      await delay(AFTER_CLICK, undefined, { signal });
      measured.runningCores.push(...(await coresUsed([pid], WINDOW, signal)));
      await page.getByText('Paused to save resources').waitFor({ timeout: LIMIT });
      measured.cores.push(...(await coresUsed([pid], WINDOW, signal)));
      const memory = await memoryOf(pid);
      if (memory !== null) {
        measured.uniqueMb.push(memory.uniqueMb);
        measured.guestMb.push(memory.guestMb);
        measured.translatedMb.push(memory.translatedMb);
      }
      const wokenMs = await clickToAnswer(page, BUTTON_COLOUR);
      measured.clickMs.push(wokenMs);
      say(
        `session ${run}, ${wake} of ${values.wakes}: answered after ${Math.round(runningMs)} ms running, ${Math.round(wokenMs)} ms from standby`,
      );
    }
    const behind = clockCorrectionsOf(controller, sessionId);
    say(`its clock was behind by ${behind.map((ms) => (ms / 1000).toFixed(1)).join(', ')} s`);
    await api.cancel(sessionId);
    for (const { event } of await api.history(sessionId)) {
      if (event.type === 'awake') measured.wakeMs.push(event.wakeMs);
    }
  }
  await printReport(
    `Standby: ${values.sessions} sessions, ${values.wakes} wakes each`,
    [
      { what: 'standby.wake_ms', unit: 'ms', values: measured.wakeMs },
      { what: 'standby.click_ms', unit: 'ms', values: measured.clickMs },
      { what: 'standby.running.click_ms', unit: 'ms', values: measured.runningClickMs },
      { what: 'standby.cpu_cores', unit: 'cores', values: measured.cores },
      { what: 'standby.running.cpu_cores', unit: 'cores', values: measured.runningCores },
      { what: 'standby.unique_memory_mb', unit: 'MB', values: measured.uniqueMb },
      { what: 'standby.guest_memory_mb', unit: 'MB', values: measured.guestMb },
      { what: 'standby.translated_code_mb', unit: 'MB', values: measured.translatedMb },
    ],
    { json: values.json, notes: { settings, template: await usedTemplate(controller) } },
  );
});
