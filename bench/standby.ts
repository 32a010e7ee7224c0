/**
 * What a session costs while it sleeps, and what it costs to wake it: somebody comes back to a desktop that
 * runs, and to one in standby; the difference is the price of waking.
 *
 *   npm run bench:standby -- [--sessions 5] [--seconds 5] [--set KEY=VALUE ...] [--json]
 */
import { parseArgs } from 'node:util';
import { START_PAGE_PRESSED_COLOUR } from '@browser-vm/agent';
import { monitorsOf } from '../test/e2e/support/monitors.ts';
import { openViewerBrowser } from '../test/e2e/support/viewer-browser.ts';
import { startLiveSession } from './density/live-session.ts';
import { printReport } from './report/print.ts';
import { untilAsleep } from './standby/asleep.ts';
import { seeSignInPage, type Visit, visit } from './standby/visit.ts';
import { probe } from './start/probe.ts';
import { runBench, say, settingsOf } from './support/bench.ts';
import { coresUsed, type Memory, memoryOf } from './support/processes.ts';
import { usedTemplate } from './support/template.ts';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    set: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
});
const sessions = Number(values.sessions);
/** Over which CPU is measured. Milliseconds. */
const WINDOW = 5000;

const settings = { BROWSER_VM_STANDBY_SECONDS: values.seconds, ...settingsOf(values.set) };
await runBench(settings, async (bench) => {
  const { api, controller, signal } = bench;
  const browser = await openViewerBrowser();
  bench.atEnd(() => browser.close());
  await browser.page.context().addInitScript(probe, { pressedColour: START_PAGE_PRESSED_COLOUR });
  await browser.page.goto(await controller.newSignInLink());
  const running: Visit[] = [];
  const woken: Visit[] = [];
  const memory: Memory[] = [];
  const cores: number[] = [];
  for (let run = 1; run <= sessions; run += 1) {
    const session = await startLiveSession(bench, `standby-${run}`);
    if ('refusal' in session) throw new Error(session.refusal);
    const pid = (await monitorsOf(controller)).get(session.sessionId);
    if (pid === undefined) throw new Error(`session ${session.sessionId} has no monitor`);
    await seeSignInPage(bench, browser.page, session.sessionId);
    // The first answer costs what no later one does: its code is translated, its memory copied.
    await visit(bench, browser.page, session.sessionId);
    running.push(await visit(bench, browser.page, session.sessionId));
    await untilAsleep(pid, signal);
    cores.push(...(await coresUsed([pid], WINDOW, signal)));
    const asleep = await memoryOf(pid);
    if (asleep !== null) memory.push(asleep);
    woken.push(await visit(bench, browser.page, session.sessionId));
    await api.cancel(session.sessionId);
    await api.history(session.sessionId);
    const ms = ({ livePictureMs, answeredMs }: Visit) =>
      `live ${Math.round(livePictureMs)} ms, answered ${Math.round(answeredMs)} ms`;
    say(`${run} of ${sessions}: running ${ms(running.at(-1)!)}; from standby ${ms(woken.at(-1)!)}`);
  }
  const visits = (name: string, all: readonly Visit[]) => [
    {
      what: `standby.${name}.live_picture_ms`,
      unit: 'ms' as const,
      values: all.map((one) => one.livePictureMs),
    },
    { what: `standby.${name}.answered_ms`, unit: 'ms' as const, values: all.map((one) => one.answeredMs) },
    {
      what: `standby.${name}.click_to_answer_ms`,
      unit: 'ms' as const,
      values: all.map((one) => one.clickToAnswerMs),
    },
  ];
  await printReport(
    `Standby: ${sessions} sessions`,
    [
      ...visits('running', running),
      ...visits('woken', woken),
      { what: 'standby.cpu_cores', unit: 'cores', values: cores },
      { what: 'standby.unique_memory_mb', unit: 'MB', values: memory.map(({ uniqueMb }) => uniqueMb) },
      { what: 'standby.guest_memory_mb', unit: 'MB', values: memory.map(({ guestMb }) => guestMb) },
    ],
    { json: values.json, notes: { settings, template: await usedTemplate(controller) } },
  );
});
