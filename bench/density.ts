/**
 * How many live sessions a machine carries, and what each costs. `--watched` is the share of them that
 * somebody looks at, who moves the pointer every `--move` seconds. Sessions start at most every `--every` seconds.
 *
 *   npm run bench:density -- [--limit 100] [--step 10] [--watched 0.5] [--move 4] [--settle 15] [--window 5]
 *                            [--every 0] [--minutes 60] [--set KEY=VALUE ...] [--json]
 */
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openViewerBrowser } from '../test/e2e/support/viewer-browser.ts';
import { densityPlot, sum } from './density/density-plot.ts';
import { densityFigures } from './density/figures.ts';
import { type LiveSession, startLiveSession } from './density/live-session.ts';
import { measureStep, type Step } from './density/step.ts';
import { measureStreaming } from './density/streaming.ts';
import { Watchers } from './density/watchers.ts';
import { percentile } from './report/figures.ts';
import { writePlot } from './report/plot.ts';
import { printReport } from './report/print.ts';
import { type Bench, RESULTS, runBench, say, settingsOf } from './support/bench.ts';
import { sizeFigures } from './support/sizes.ts';
import { usedTemplate } from './support/template.ts';

const { values } = parseArgs({
  options: {
    limit: { type: 'string', default: '100' },
    step: { type: 'string', default: '10' },
    watched: { type: 'string', default: '0.5' },
    move: { type: 'string', default: '4' },
    settle: { type: 'string', default: '15' },
    window: { type: 'string', default: '5' },
    every: { type: 'string', default: '0' },
    minutes: { type: 'string', default: '60' },
    set: { type: 'string', multiple: true, default: [] },
    json: { type: 'boolean', default: false },
  },
});
const limit = Number(values.limit);
const stepSize = Number(values.step);
const watchedShare = Number(values.watched);
const settleMs = Number(values.settle) * 1000;
const windowMs = Number(values.window) * 1000;
const everyMs = Number(values.every) * 1000;
const growingMs = Number(values.minutes) * 60_000;

const settings = {
  BROWSER_VM_MAX_VMS: String(Math.min(1000, limit)),
  BROWSER_VM_SESSION_TTL_SECONDS: '86400',
  // Somebody looks at a desktop at rest, and that is what is measured.
  BROWSER_VM_STANDBY_SECONDS: '0',
  ...settingsOf(values.set),
};
await runBench(settings, async (bench) => {
  const browser = await openViewerBrowser();
  bench.atEnd(() => browser.close());
  const first = await startLiveSession(bench, 'density-1');
  // What one VM alone maps of its template is its own; what two map is shared.
  const second = await startLiveSession(bench, 'density-2');
  if ('refusal' in first || 'refusal' in second) throw new Error('there is no room for two sessions');
  const streaming = await measureStreaming(bench, browser.page, first);
  say(`one VM, ${streaming.seconds} s into a stream: ${Math.round(streaming.monitor.uniqueMb)} MB unique`);
  const watchers = new Watchers(bench, Number(values.move) * 1000);
  const { steps, starts, refusal } = await grow(bench, [first, second], watchers);

  const template = await usedTemplate(bench.controller);
  const startsMs = starts.map(({ agentReadyMs }) => agentReadyMs);
  const figures = [
    ...densityFigures(steps, startsMs, streaming),
    ...(await sizeFigures(bench.controller, template)),
  ];
  const plot = path.join(RESULTS, 'density.svg');
  await writePlot(plot, densityPlot(steps));
  say(`plot: ${plot}`);
  await printReport(
    `Density: ${steps.at(-1)?.sessions} live sessions of ${starts.length}, the last step`,
    figures,
    {
      json: values.json,
      notes: { settings, template, refusal, startsMs, steps: steps.map(compact) },
    },
  );
});

/** One session after another until the limit or a refusal, looked at after every `--step` of them. */
async function grow(bench: Bench, first: readonly LiveSession[], watchers: Watchers) {
  const starts = [...first];
  const steps: Step[] = [];
  let refusal: string | null = null;
  const look = async () => {
    await delay(settleMs, undefined, { signal: bench.signal });
    const step = await measureStep(bench, starts, windowMs);
    steps.push(step);
    say(described(step));
  };
  await look();
  const until = performance.now() + growingMs;
  while (starts.length < limit) {
    if (performance.now() > until) {
      refusal = `none: ${values.minutes} minutes were over`;
      say(refusal);
      break;
    }
    const startedAt = performance.now();
    const session = await startLiveSession(bench, `density-${starts.length + 1}`);
    if ('refusal' in session) {
      refusal = session.refusal;
      say(`refused: ${refusal}`);
      break;
    }
    starts.push(session);
    say(`session ${starts.length}: agent ready after ${Math.round(session.agentReadyMs)} ms`);
    // Last, since a tool waits for its user only so long, and time stands still for those in standby.
    if (starts.length > limit - Math.floor(limit * watchedShare)) {
      await watchers.watch(session.sessionId);
      session.watched = true;
    }
    if (starts.length % stepSize === 0) await look();
    const leftMs = startedAt + everyMs - performance.now();
    if (leftMs > 0) await delay(leftMs, undefined, { signal: bench.signal });
  }
  if (steps.at(-1)?.started !== starts.length) await look();
  return { steps, starts, refusal };
}

function compact({
  started,
  sessions,
  agentReadyMs,
  watched,
  unwatched,
  streamers,
  standby,
  admission,
}: Step) {
  const unique = [...watched.memory, ...unwatched.memory].map(({ uniqueMb }) => uniqueMb);
  const shared = [...watched.memory, ...unwatched.memory].map(({ sharedMb }) => sharedMb);
  return {
    started,
    sessions,
    standby,
    admission,
    agentReadyMs,
    uniqueMb: { p50: percentile(unique, 50), p95: percentile(unique, 95) },
    sharedMb: { p50: percentile(shared, 50) },
    streamersMb: sum(streamers.map(({ uniqueMb }) => uniqueMb)),
    cores: { watched: sum(watched.cores), unwatched: sum(unwatched.cores) },
  };
}

function described(step: Step): string {
  const { started, sessions, standby, uniqueMb, sharedMb, streamersMb, cores, admission } = compact(step);
  const mb = (value: number) => `${value.toFixed(1)} MB`;
  return `${sessions} sessions of ${started}: unique ${mb(uniqueMb.p50)} (p95 ${mb(uniqueMb.p95)}), shared ${mb(sharedMb.p50)}, streamers ${mb(streamersMb)}, cores ${cores.watched.toFixed(2)} watched + ${cores.unwatched.toFixed(2)} unwatched, ${standby} in standby, room for ${admission.roomForVms} of ${admission.perVmMb} MiB`;
}
