/**
 * From a click to the pixel that answers it, in a person's browser: our stream beside TigerVNC with noVNC, the
 * same desktop and the same clicks, in turn.
 *
 *   npm run bench:latency -- [--links clean,loss,cap] [--rounds 3] [--clicks 20] [--busy-clicks 12]
 *                            [--window 8] [--vm [--set KEY=VALUE]] [--alone] [--json]
 *
 * --alone leaves noVNC out. Without --vm the desktop is a Xtigervnc on this machine; with it, that of a session in a real VM.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openViewerBrowser } from '../test/e2e/support/viewer-browser.ts';
import { PLACES } from './latency/desktop-page.ts';
import { guestFigures, latencyFigures } from './latency/latency-figures.ts';
import { type Answer, latencyPlot } from './latency/latency-plot.ts';
import { LINKS, Link, type LinkName } from './latency/links.ts';
import { NativeDesktop, NativeTarget } from './latency/native.ts';
import { probe } from './latency/probe.ts';
import { measureRound, type Round, type Target, type Transport } from './latency/round.ts';
import { startVmTarget } from './latency/vm.ts';
import { type Figure, percentile } from './report/figures.ts';
import { writePlot } from './report/plot.ts';
import { printReport } from './report/print.ts';
import { RESULTS, runStoppable, type Stoppable, say, settingsOf } from './support/bench.ts';

const { values } = parseArgs({
  options: {
    links: { type: 'string', default: 'clean,loss,cap' },
    rounds: { type: 'string', default: '3' },
    clicks: { type: 'string', default: '20' },
    'busy-clicks': { type: 'string', default: '12' },
    window: { type: 'string', default: '8' },
    vm: { type: 'boolean', default: false },
    set: { type: 'string', multiple: true, default: [] },
    alone: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const amounts = {
  clicks: Number(values.clicks),
  busyClicks: Number(values['busy-clicks']),
  windowMs: Number(values.window) * 1000,
  answerLimitMs: values.vm ? 20_000 : 5000,
};
/** The round before the first. */
const WARM_UP = 0;
const OURS = values.vm ? 'vm' : 'native';
const NOVNC = values.vm ? 'vm.novnc' : 'novnc';
const SOURCES: readonly (readonly [string, Transport])[] = [
  [OURS, 'webrtc'],
  ...(values.alone ? [] : [[NOVNC, 'novnc'] as const]),
];

await runStoppable(async (stoppable) => {
  await mkdir(RESULTS, { recursive: true });
  const target = values.vm
    ? await startVmTarget(stoppable, settingsOf(values.set))
    : await startNativeTarget(stoppable);
  const figures: Figure[] = [];
  const answers: Answer[] = [];
  const ratios: Record<string, unknown> = {};
  for (const name of values.links.split(',')) {
    if (!isLink(name)) throw new Error(`no link is called ${name}; there are ${Object.keys(LINKS)}`);
    const rounds = await measureLink(stoppable, target, name);
    for (const [source, own] of rounds) {
      figures.push(
        ...latencyFigures(name === 'clean' ? `latency.${source}` : `latency.${source}.${name}`, own),
      );
      for (const { still, busy } of own) {
        const dots = (kind: 'still' | 'busy', ms: readonly (number | null)[]) =>
          answered(ms).map((value) => ({ link: name, source, desktop: kind, ms: value }));
        answers.push(...dots('still', still), ...dots('busy', busy));
      }
    }
    ratios[name] = ratiosOf(rounds);
  }
  const guestPart = await target.guestPart?.(amounts.clicks);
  if (guestPart !== undefined) figures.push(...guestFigures(guestPart));
  const plot = path.join(RESULTS, values.vm ? 'latency-vm.svg' : 'latency.svg');
  await writePlot(plot, latencyPlot(answers));
  say(`plot: ${plot}`);
  const where = values.vm ? 'a VM' : 'this machine';
  await printReport(`Latency: a desktop on ${where}, our stream beside noVNC`, figures, {
    json: values.json,
    notes: { links: LINKS, amounts, settings: settingsOf(values.set), ratios },
  });
});

async function startNativeTarget(stoppable: Stoppable): Promise<Target> {
  const desktop = await NativeDesktop.start();
  stoppable.atEnd(() => desktop.stop());
  const target = await NativeTarget.start(desktop);
  stoppable.atEnd(() => target.stop());
  return target;
}

function isLink(name: string): name is LinkName {
  return Object.hasOwn(LINKS, name);
}

/** All sources in turn, as often as there are rounds, in one browser behind that link. */
async function measureLink({ signal, atEnd }: Stoppable, target: Target, name: LinkName) {
  const undo: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
      await step().catch((error: unknown) => console.error(error));
    }
  };
  // After Ctrl-C the measurement itself may wait for a page that never answers.
  atEnd(close);
  const rounds = new Map<string, Round[]>();
  try {
    const link = await Link.open(name);
    undo.push(() => link.close());
    const signInLink = await target.newSignInLink();
    const { origin } = new URL(signInLink);
    const browser = await openViewerBrowser(
      { width: 1280, height: 720 },
      // What people have by HTTPS.
      { program: link.chromium, args: [`--unsafely-treat-insecure-origin-as-secure=${origin}`] },
    );
    undo.push(() => browser.close());
    const { page } = browser;
    await page.addInitScript(probe, PLACES);
    await page.goto(signInLink);
    await page.waitForFunction(() => customElements.get('browser-vm-viewer') !== undefined);
    const measure = async (at: number, source: string, transport: Transport) => {
      const subject = { page, target, transport, sentBytes: () => link.sentBytes() };
      const round = await measureRound(subject, amounts, signal);
      const what = at === WARM_UP ? 'does not count' : `round ${at} of ${values.rounds}`;
      say(`${name}, ${what}, ${source}: ${described(round)}`);
      if (at !== WARM_UP) rounds.set(source, [...(rounds.get(source) ?? []), round]);
    };
    // What an emulated guest does for the first time it also translates, whoever looks.
    for (let at = values.vm ? WARM_UP : 1; at <= Number(values.rounds); at += 1) {
      for (const [source, transport] of SOURCES) await measure(at, source, transport);
    }
    if (target.endReaders === undefined) return rounds;
    await target.endReaders();
    for (let at = 1; at <= Number(values.rounds); at += 1) await measure(at, `${OURS}.rfb`, 'webrtc');
    return rounds;
  } finally {
    await close();
  }
}

function answered(clicks: readonly (number | null)[]): number[] {
  return clicks.filter((value): value is number => value !== null);
}

function described({ still, busy, fps, inMovement, atRest, firstFrameMs, psnr }: Round): string {
  const ms = (clicks: readonly (number | null)[]) =>
    `${Math.round(percentile(answered(clicks), 50))}/${Math.round(percentile(answered(clicks), 95))} ms`;
  return `still ${ms(still)}, busy ${ms(busy)}, ${fps.toFixed(1)} fps, ${Math.round(inMovement.kbps)} kbit/s, ${inMovement.cores.toFixed(2)} cores, at rest ${atRest.cores.toFixed(3)}, first frame ${Math.round(firstFrameMs)} ms, ${psnr === null ? 'no reference' : `${psnr.toFixed(1)} dB`}`;
}

/** Medians of ours over those of noVNC. */
function ratiosOf(rounds: ReadonlyMap<string, readonly Round[]>) {
  const median = (source: string, of: (round: Round) => readonly (number | null)[]) =>
    percentile(answered((rounds.get(source) ?? []).flatMap(of)), 50);
  const ratio = (of: (round: Round) => readonly (number | null)[]) =>
    Math.round((median(OURS, of) / median(NOVNC, of)) * 100) / 100;
  return { still: ratio(({ still }) => still), busy: ratio(({ busy }) => busy) };
}
