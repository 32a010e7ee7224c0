/**
 * From "Connect" to a desktop that answers, as the person's own browser sees it.
 *
 *   npm run bench:start -- [--sessions 50] [--sign-ins 5] [--burst 20] [--pause 2] [--set KEY=VALUE ...] [--log FILE]
 *                          [--json]
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { START_PAGE_PRESSED_COLOUR } from '@browser-vm/agent';
import type { Page } from 'playwright-core';
import { BUTTON_COLOUR } from '../test/e2e/support/journey.ts';
import { openViewerBrowser, openViewerBrowsers } from '../test/e2e/support/viewer-browser.ts';
import type { Figure } from './report/figures.ts';
import { writePlot } from './report/plot.ts';
import { printReport } from './report/print.ts';
import { measureSignIn, type SignIn } from './start/one-sign-in.ts';
import { measureStart, openDashboard, orderedStages, type Start, StartRefused } from './start/one-start.ts';
import { type ProbeOptions, probe } from './start/probe.ts';
import { startPlot } from './start/start-plot.ts';
import { type Bench, RESULTS, runBench, say, settingsOf } from './support/bench.ts';
import { addMiddleShows } from './support/middle-colour.ts';
import { usedTemplate } from './support/template.ts';

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '50' },
    'sign-ins': { type: 'string', default: '5' },
    burst: { type: 'string', default: '0' },
    pause: { type: 'string', default: '2' },
    set: { type: 'string', multiple: true, default: [] },
    log: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
/** What a browser with many pages at once may take; who is later counts as failed. Milliseconds. */
const LATEST = 120_000;
const { red, green, blue } = BUTTON_COLOUR;
const PROBE: ProbeOptions = { pressedColour: START_PAGE_PRESSED_COLOUR, signInColour: [red, green, blue] };
const sessions = Number(values.sessions);
const signIns = Number(values['sign-ins']);
const burst = Number(values.burst);
const pauseMs = Number(values.pause) * 1000;

const settings = { BROWSER_VM_MAX_VMS: String(Math.max(20, burst)), ...settingsOf(values.set) };
await runBench(settings, async (bench) => {
  const browser = await openViewerBrowser();
  bench.atEnd(() => browser.close());
  await browser.page.context().addInitScript(addMiddleShows);
  await browser.page.context().addInitScript(probe, PROBE);
  await browser.page.goto(await bench.controller.newSignInLink());

  const alone = await oneAfterAnother(bench, browser.page);
  const untouched = await leftAlone(bench, browser.page);
  const { served: together, refused } = await allAtOnce(bench);
  const template = await usedTemplate(bench.controller);
  if (values.log !== undefined) await writeFile(values.log, bench.controller.output);
  const figures: Figure[] = [
    ...figuresOf('start', alone),
    ...signInFigures(untouched),
    ...(burst > 0 ? figuresOf('start.burst', together) : []),
    { what: 'start.cold_boot_ms', unit: 'ms', values: [template.coldBootMs] },
  ];
  const plot = path.join(RESULTS, 'start.svg');
  await writePlot(plot, startPlot(figures));
  say(`plot: ${plot}`);
  await printReport(title(), figures, {
    json: values.json,
    notes: {
      settings,
      template,
      unanswered: [...alone, ...together].filter(isUnanswered).length,
      burst: {
        asked: burst,
        served: together.length,
        queued: together.filter(({ queued }) => queued).length,
        refused,
        failed: burst - together.length - refused,
      },
    },
  });
});

/** The steady state: whoever was here before is gone, and whatever is made ahead has been made. */
async function oneAfterAnother(bench: Bench, page: Page): Promise<Start[]> {
  const starts: Start[] = [];
  for (let run = 1; run <= sessions; run += 1) {
    await openDashboard(bench, page, `bench-${run}`);
    await delay(pauseMs, undefined, { signal: bench.signal });
    const start = await measureStart(bench, page);
    starts.push(start);
    say(`start ${run} of ${sessions}: ${described(start)}`);
  }
  return starts;
}

/** Nobody touches these until their sign-in page is there. */
async function leftAlone(bench: Bench, page: Page): Promise<SignIn[]> {
  const measured: SignIn[] = [];
  for (let run = 1; run <= signIns; run += 1) {
    await openDashboard(bench, page, `sign-in-${run}`);
    await delay(pauseMs, undefined, { signal: bench.signal });
    const signIn = await measureSignIn(bench, page);
    measured.push(signIn);
    const { urlOpenedMs, pageMs, cpuSeconds } = signIn;
    say(
      `sign-in ${run} of ${signIns}: asked for after ${urlOpenedMs} ms, painted after ${pageMs} ms and ${cpuSeconds} CPU seconds`,
    );
  }
  return measured;
}

function signInFigures(signIns: readonly SignIn[]): Figure[] {
  const figures: Figure[] = [
    {
      what: 'start.sign_in_asked_ms',
      unit: 'ms',
      values: signIns.map(({ urlOpenedMs }) => urlOpenedMs),
    },
    { what: 'start.sign_in_page_ms', unit: 'ms', values: signIns.map(({ pageMs }) => pageMs) },
    { what: 'start.sign_in_page_cpu_s', unit: 's', values: signIns.map(({ cpuSeconds }) => cpuSeconds) },
  ];
  return figures.filter(({ values }) => values.length > 0);
}

async function allAtOnce(bench: Bench) {
  if (burst === 0) return { served: [], refused: 0 };
  const { pages, close } = await openViewerBrowsers(burst);
  bench.atEnd(close);
  for (const [index, page] of pages.entries()) {
    page.setDefaultTimeout(LATEST);
    await page.addInitScript(addMiddleShows);
    await page.addInitScript(probe, PROBE);
    await page.goto(await bench.controller.newSignInLink());
    await openDashboard(bench, page, `burst-${index}`);
  }
  say(`${burst} starts at once`);
  const starts = pages.map(async (page) => {
    try {
      const start = await measureStart(bench, page);
      say(`of the burst: ${described(start)}${start.queued ? ', waited for its turn' : ''}`);
      return start;
    } catch (error) {
      say(`of the burst, not served: ${String(error)}`);
      throw error;
    }
  });
  const results = await Promise.allSettled(starts);
  return {
    served: results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])),
    refused: results.filter((result) => result.status === 'rejected' && result.reason instanceof StartRefused)
      .length,
  };
}

function figuresOf(prefix: string, starts: readonly Start[]): Figure[] {
  const all = (pick: (start: Start) => number | null | undefined) =>
    starts.map(pick).filter((value): value is number => value !== null && value !== undefined);
  const stages = new Set(starts.flatMap(orderedStages));
  const figures: Figure[] = [
    { what: `${prefix}.agent_ready_ms`, unit: 'ms', values: all((start) => start.stagesMs.agent_ready) },
    { what: `${prefix}.first_frame_ms`, unit: 'ms', values: all((start) => start.firstFrameMs) },
    { what: `${prefix}.live_picture_ms`, unit: 'ms', values: all((start) => start.livePictureMs) },
    { what: `${prefix}.first_response_ms`, unit: 'ms', values: all((start) => start.firstResponseMs) },
    { what: `${prefix}.click_to_answer_ms`, unit: 'ms', values: all((start) => start.clickToAnswerMs) },
    ...[...stages].map((stage) => ({
      what: `${prefix}.stage.${stage}_ms`,
      unit: 'ms' as const,
      values: all((start) => start.stagesMs[stage]),
    })),
  ];
  return figures.filter((figure) => figure.values.length > 0);
}

function isUnanswered(start: Start): boolean {
  return start.firstResponseMs === null;
}

function described(start: Start): string {
  const ms = (value: number | null | undefined) => (value == null ? 'none' : `${Math.round(value)} ms`);
  const { firstFrameMs, livePictureMs, firstResponseMs, stagesMs } = start;
  return `agent ${ms(stagesMs.agent_ready)}, first frame ${ms(firstFrameMs)}, live ${ms(livePictureMs)}, answered ${ms(firstResponseMs)}`;
}

function title(): string {
  const together = burst > 0 ? `, then ${burst} at once` : '';
  return `Start: ${sessions} sessions one after another${together}`;
}
