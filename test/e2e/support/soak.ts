import { setTimeout as delay } from 'node:timers/promises';
import type { SessionStage } from '@browser-vm/protocol';
import type { Page } from 'playwright-core';
import { Api } from './api.ts';
import { ControllerProcess } from './controller-process.ts';
import { type Footprint, footprintOf, grownBy } from './footprint.ts';
import { leftovers, machineState } from './leftovers.ts';
import { monitorsOf } from './monitors.ts';
import { startWorld } from './test-world.ts';
import { openViewerBrowser } from './viewer-browser.ts';

/** How long what is made ahead may take to be there again, and what ends to end. Milliseconds. */
const SETTLE_LIMIT = 60_000;
/** Counts that stay the same for this long are those of a host at rest. Milliseconds. */
const CALM = 5000;

export interface SoakOptions {
  readonly cycles: number;
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface SoakReport {
  readonly sessions: number;
  /** What there is more of than before, one line each; empty when nothing leaked. */
  readonly leaked: readonly string[];
  /** Of the controller at rest: after the first sessions, and after all of them. */
  readonly controller: { readonly before: Footprint; readonly after: Footprint };
  /** Mean of all sessions, from their start to nothing left. Milliseconds. */
  readonly perSessionMs: number;
}

/** How a session of the soak comes to its end, in turn. */
const ENDINGS: ReadonlyArray<{ readonly name: string; readonly run: (cycle: Cycle) => Promise<void> }> = [
  { name: 'cancelled at once', run: async () => {} },
  { name: 'cancelled with its agent ready', run: ({ reached }) => reached('agent_ready') },
  { name: 'cancelled on the sign-in page', run: ({ reached }) => reached('url_opened') },
  {
    name: 'cancelled while somebody watches',
    run: async ({ controller, page, sessionId }) => {
      await page.goto(`${controller.url}/dashboard/remote-cli/auth?session=${sessionId}`);
      await page.getByTestId('viewer').and(page.locator('[data-status="connected"]')).waitFor();
      await page
        .getByTestId('viewer-video')
        .evaluate(
          (video: HTMLVideoElement) =>
            new Promise<void>((resolve) => video.requestVideoFrameCallback(() => resolve())),
        );
    },
  },
  {
    name: 'its monitor killed',
    run: async ({ controller, reached, sessionId }) => {
      await reached('login_started');
      const monitor = (await monitorsOf(controller)).get(sessionId);
      if (monitor === undefined) throw new Error(`session ${sessionId} has no monitor`);
      process.kill(monitor, 'SIGKILL');
    },
  },
];

interface Cycle {
  readonly sessionId: string;
  readonly controller: ControllerProcess;
  readonly page: Page;
  readonly reached: (stage: SessionStage) => Promise<void>;
}

/**
 * Starts sessions and ends them at different moments, then counts: while the controller still runs, whether
 * there is more of anything than after the first session; after it stopped, whether there is anything.
 */
export async function soak({ cycles, progress, signal }: SoakOptions): Promise<SoakReport> {
  const world = await startWorld();
  try {
    // The host's own room among the files of running VMs.
    const before = [...(await machineState('')), 'file vms'];
    const controller = await ControllerProcess.start({
      ...world.environment,
      RATE_LIMIT_MAX_REQUESTS: '1000000',
    });
    try {
      const { grown, ...measured } = await runCycles(controller, { cycles, progress, signal });
      await controller.stop();
      const left = await leftovers(before, controller.runDir);
      const leaked = [...grown, ...left.map((line) => `after the end: ${line}`)];
      return { sessions: cycles, leaked, ...measured };
    } finally {
      await controller.remove();
    }
  } finally {
    await world.close();
  }
}

async function runCycles(
  controller: ControllerProcess,
  options: SoakOptions,
): Promise<Omit<SoakReport, 'sessions' | 'leaked'> & { readonly grown: readonly string[] }> {
  const { cycles, progress, signal } = options;
  const browser = await openViewerBrowser();
  const stop = () => void browser.close();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const { page } = browser;
    await page.goto(await controller.newSignInLink());
    const api = await Api.of(controller);
    let atFirst: Counts | null = null;
    let before = await footprintOf(controller.pid);
    let running = 0;
    for (let index = 0; index < cycles; index += 1) {
      signal?.throwIfAborted();
      const ending = ENDINGS[index % ENDINGS.length];
      if (ending === undefined) break;
      const started = performance.now();
      await runCycle(api, controller, page, ending.run);
      const tookMs = performance.now() - started;
      running += tookMs;
      progress(`session ${index + 1} of ${cycles}: ${ending.name}, ${(tookMs / 1000).toFixed(1)} s`);
      atFirst ??= await countsAtRest(controller.runDir);
      // What is loaded and cached once is no growth.
      if (index < ENDINGS.length) before = await footprintOf(controller.pid);
    }
    const more = await moreThan(atFirst ?? new Map(), controller.runDir);
    const after = await footprintOf(controller.pid);
    const sessions = Math.max(0, cycles - ENDINGS.length);
    return {
      grown: [...more, ...grownBy(before, after, sessions)],
      controller: { before, after },
      perSessionMs: running / cycles,
    };
  } finally {
    signal?.removeEventListener('abort', stop);
    await browser.close();
  }
}

async function runCycle(
  api: Api,
  controller: ControllerProcess,
  page: Page,
  run: (cycle: Cycle) => Promise<void>,
): Promise<void> {
  const sessionId = await api.start('soak', 'codex');
  const reached = async (stage: SessionStage) => {
    const events = await api.history(
      sessionId,
      ({ event }) => event.type === 'stage' && event.stage === stage,
    );
    const { event } = events.at(-1) ?? {};
    if (event?.type === 'stage' && event.stage === stage) return;
    const { status, fault } = await api.session(sessionId);
    throw new Error(`session ${sessionId} is ${status} before ${stage}: ${fault?.message ?? 'no fault'}`);
  };
  await run({ sessionId, controller, page, reached });
  // One whose monitor was killed may have failed already.
  await api.cancel(sessionId).catch(() => {});
  await api.history(sessionId);
  await page.goto('about:blank');
}

/** How many of what there are, such as namespaces, links and processes of one program. */
type Counts = ReadonlyMap<string, number>;

async function counts(runDir: string): Promise<Counts> {
  const found = new Map<string, number>();
  for (const line of await machineState(runDir)) {
    const what = kindOf(line);
    if (what !== null) found.set(what, (found.get(what) ?? 0) + 1);
  }
  return found;
}

/** What of a line stays the same when one VM has taken another's place; null for the person's browser. */
function kindOf(line: string): string | null {
  const [kind = '', first = '', second = ''] = line.split(' ');
  if (kind === 'process') return `process ${second}`;
  if (kind === 'file') return `file ${fileKind(first)}`;
  if (kind !== 'socket') return kind;
  const owner = /users:\(\("([^"]*)"/.exec(line)?.[1] ?? 'unknown';
  return owner.startsWith('chrom') ? null : `socket of ${owner}`;
}

/** The part of a path that does not change with the VM. */
function fileKind(path: string): string {
  return path.replace(/vm-[0-9a-f]+/g, 'VM');
}

/** Waits until nothing comes or goes any more. */
async function countsAtRest(runDir: string): Promise<Counts> {
  const deadline = Date.now() + SETTLE_LIMIT;
  let last = await counts(runDir);
  let since = Date.now();
  while (Date.now() - since < CALM && Date.now() < deadline) {
    await delay(500);
    const now = await counts(runDir);
    if (difference(last, now).length > 0 || difference(now, last).length > 0) since = Date.now();
    last = now;
  }
  return last;
}

async function moreThan(before: Counts, runDir: string): Promise<string[]> {
  const deadline = Date.now() + SETTLE_LIMIT;
  for (;;) {
    const more = difference(before, await counts(runDir));
    if (more.length === 0 || Date.now() > deadline) return more;
    await delay(500);
  }
}

function difference(before: Counts, now: Counts): string[] {
  return [...now].flatMap(([what, count]) => {
    const more = count - (before.get(what) ?? 0);
    return more > 0 ? [`${more} more: ${what}`] : [];
  });
}
