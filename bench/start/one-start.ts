import { SESSION_STAGES, type SessionStage } from '@browser-vm/protocol';
import type { Locator, Page } from 'playwright-core';
import type { Bench } from '../support/bench.ts';
import type { Seen } from './probe.ts';

/** This only ends a hang: of a burst, the last has its turn late. Milliseconds. */
const LIVE_LIMIT = 600_000;
/** Who waits for a turn has no viewer meanwhile. Milliseconds. */
const VIEWER_LIMIT = 2000;
/** The start page gives way to the sign-in page, and with it the answer. Milliseconds. */
const ANSWER_LIMIT = 20_000;

/** One start, all in milliseconds since its POST left the page. */
export interface Start {
  readonly sessionId: string;
  readonly firstFrameMs: number;
  readonly livePictureMs: number;
  /** Null: the start page had given way before it answered. */
  readonly firstResponseMs: number | null;
  /** Of that, from the pressed button to the answer. */
  readonly clickToAnswerMs: number | null;
  readonly stagesMs: Partial<Record<SessionStage, number>>;
  /** The host was full, and let it in later. */
  readonly queued: boolean;
}

/** The host was full, and said so. */
export class StartRefused extends Error {}

/** Opens a person's page of the dashboard, where a provider waits to be connected. */
export async function openDashboard({ controller }: Bench, page: Page, userId: string): Promise<void> {
  await page.goto(`${controller.url}/dashboard/remote-cli?user=${userId}`);
  await page.getByTestId('connect-codex').waitFor();
}

/** Presses Connect, then the mouse in the stream as soon as the picture is live; cancels in the end. */
export async function measureStart({ api }: Bench, page: Page): Promise<Start> {
  await page.getByTestId('connect-codex').click();
  const viewer = page.getByTestId('viewer');
  try {
    const isPointed = await pointAt(viewer, VIEWER_LIMIT).catch(() => false);
    await seen(page, ['livePicture', 'refused'], LIVE_LIMIT);
    if ((await page.evaluate(() => window.browserVmProbe.seen.refused)) !== null)
      throw new StartRefused('the host is full');
    if (!isPointed) await pointAt(viewer);
    await page.mouse.down();
    const isAnswered = await seen(page, ['answered'], ANSWER_LIMIT).then(
      () => true,
      () => false,
    );
    await page.mouse.up();
    const times = await timesOf(page);
    const since = (at: number) => Math.round((at - times.posted) * 10) / 10;
    // Stages of slow starts count too.
    await api.history(
      times.sessionId,
      ({ event }) => event.type === 'stage' && event.stage === 'desktop_ready',
    );
    await api.cancel(times.sessionId);
    const events = await api.history(times.sessionId);
    const stages = events.flatMap(({ at, event }) =>
      event.type === 'stage' ? [[event.stage, since(Date.parse(at))] as const] : [],
    );
    return {
      sessionId: times.sessionId,
      firstFrameMs: since(times.firstFrame),
      livePictureMs: since(times.livePicture),
      firstResponseMs: isAnswered && times.answered !== null ? since(times.answered) : null,
      clickToAnswerMs:
        isAnswered && times.answered !== null && times.pressed !== null
          ? times.answered - times.pressed
          : null,
      stagesMs: Object.fromEntries(stages),
      queued: events.some(
        ({ event }) => event.type === 'state' && event.reason?.startsWith('waits for a place') === true,
      ),
    };
  } catch (error) {
    if (error instanceof StartRefused) throw error;
    const { sessionId } = await page.evaluate(() => window.browserVmProbe.seen);
    if (sessionId === null) throw error;
    const session = await api.session(sessionId);
    await api.cancel(sessionId).catch(() => {});
    const why = session.fault === null ? session.status : `${session.status}: ${session.fault.message}`;
    throw new Error(`session ${sessionId} (${why}): ${(error as Error).message}`, { cause: error });
  }
}

/** True when the pointer is where the desktop answers a press. */
async function pointAt(viewer: Locator, timeout?: number): Promise<boolean> {
  const box = await viewer.boundingBox({ timeout });
  if (box === null) return false;
  await viewer.page().mouse.move(box.x + box.width / 2, box.y + box.height / 3);
  return true;
}

/** Resolves when the page has seen one of them; rejects after `limitMs`. */
export async function seen(page: Page, events: ReadonlyArray<keyof Seen>, limitMs: number): Promise<void> {
  const late = AbortSignal.timeout(limitMs);
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () =>
    reject(new Error(`the page did not see ${events.join(' or ')} within ${limitMs / 1000} s`));
  late.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([page.evaluate((names) => window.browserVmProbe.until(names), [...events]), promise]);
  } finally {
    late.removeEventListener('abort', abort);
  }
}

async function timesOf(page: Page) {
  const { posted, sessionId, firstFrame, livePicture, pressed, answered } = await page.evaluate(
    () => window.browserVmProbe.seen,
  );
  if (posted === null || sessionId === null || firstFrame === null || livePicture === null)
    throw new Error('the page saw a live picture of no session');
  return { posted, sessionId, firstFrame, livePicture, pressed, answered };
}

/** Stages in the order people see them. */
export const orderedStages = (start: Start): SessionStage[] =>
  SESSION_STAGES.filter((stage) => start.stagesMs[stage] !== undefined);
