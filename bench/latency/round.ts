import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { cpuSeconds } from '../../test/e2e/support/cpu.ts';
import { memoryOfAll } from '../support/processes.ts';
import { PLACES } from './desktop-page.ts';
import type { GuestPart } from './guest-part.ts';
import { decibels } from './picture-quality.ts';
import type { Movement, ReceiverCounts } from './probe.ts';

/** A movement has found its rate by then, and a picture at rest its sharpness. Milliseconds. */
const SETTLE = { busy: 2500, rest: 3500 } as const;
/** Between an answer and the next click, at random. Milliseconds. */
const PAUSE = { min: 250, max: 650 } as const;

export type Transport = 'webrtc' | 'novnc';

/** A desktop and the session that shows it. */
export interface Target {
  readonly sessionId: string;
  /** Opens the dashboard, once. */
  newSignInLink(): Promise<string>;
  /** Whoever sends this transport's picture. */
  senders(transport: Transport): Promise<readonly number[]>;
  /** The X server, where it runs on this machine. */
  readonly displayPid: number | null;
  /** From now on the picture comes by RFB; absent where it always does. */
  endReaders?(): Promise<void>;
  /** Of a click, without encoder and viewer; absent where there is no guest. */
  guestPart?(presses: number): Promise<GuestPart>;
  /** The desktop as it is now: light of each pixel. Null: there is no way to know. */
  reference(): Promise<Buffer | null>;
}

/** What a round measures. */
export interface Subject {
  readonly page: Page;
  readonly target: Target;
  readonly transport: Transport;
  sentBytes(): Promise<number>;
}

export interface Amounts {
  readonly clicks: number;
  readonly busyClicks: number;
  /** Of the windows in which CPU and traffic are counted. Milliseconds. */
  readonly windowMs: number;
  /** Longer than this an answer is counted as missing. Milliseconds. */
  readonly answerLimitMs: number;
}

interface Usage {
  readonly cores: number;
  readonly displayCores: number | null;
  readonly kbps: number;
}

/** One source, looked at once. Null among the clicks: not answered in time. */
export interface Round {
  readonly firstFrameMs: number;
  readonly still: readonly (number | null)[];
  readonly busy: readonly (number | null)[];
  readonly fps: number;
  readonly longestGapMs: number;
  readonly sizes: readonly string[];
  readonly atRest: Usage;
  readonly inMovement: Usage;
  /** Null: the process that sends does much else besides. */
  readonly memoryMb: number | null;
  /** Of the picture at rest against the desktop. */
  readonly psnr: number | null;
  readonly before: ReceiverCounts | null;
  readonly after: ReceiverCounts | null;
}

export async function measureRound(subject: Subject, amounts: Amounts, signal: AbortSignal): Promise<Round> {
  const { page, target, transport } = subject;
  const pause = (ms: number) => delay(ms, undefined, { signal });
  const firstFrameMs = await page.evaluate(([id, by]) => window.latencyProbe.open(id, by), [
    target.sessionId,
    transport,
  ] as const);
  try {
    await page.mouse.move(PLACES.click.x, PLACES.click.y);
    // The first press gives the viewer the keyboard.
    await click(page, amounts.answerLimitMs);
    await pause(SETTLE.rest);
    const still = await clicks(page, amounts.clicks, amounts.answerLimitMs, pause);
    await pause(SETTLE.rest);
    const atRest = await observe(subject, () => pause(amounts.windowMs));

    await page.keyboard.press('b');
    await pause(SETTLE.busy);
    const before = await page.evaluate(() => window.latencyProbe.counts());
    let movement: Movement = { frames: 0, longestGapMs: 0, elapsedMs: 1, sizes: [] };
    const inMovement = await observe(subject, async () => {
      movement = await page.evaluate((ms) => window.latencyProbe.watch(ms), amounts.windowMs);
    });
    const after = await page.evaluate(() => window.latencyProbe.counts());
    const busy = await clicks(page, amounts.busyClicks, amounts.answerLimitMs, pause);
    await page.keyboard.press('s');
    await pause(SETTLE.rest);
    const reference = await target.reference();
    const shown = Buffer.from(await page.evaluate(() => window.latencyProbe.picture()), 'base64');
    return {
      firstFrameMs,
      still,
      busy,
      fps: (movement.frames * 1000) / movement.elapsedMs,
      longestGapMs: movement.longestGapMs,
      sizes: movement.sizes,
      atRest,
      inMovement,
      memoryMb: transport === 'webrtc' ? await uniqueMb(await target.senders(transport)) : null,
      psnr: reference === null ? null : decibels(reference, shown),
      before,
      after,
    };
  } finally {
    await page.evaluate(() => window.latencyProbe.close());
  }
}

async function click(page: Page, limitMs: number): Promise<number | null> {
  await page.evaluate(() => window.latencyProbe.arm());
  await page.mouse.down();
  const answer = await page.evaluate((limit) => window.latencyProbe.answer(limit), limitMs);
  await page.mouse.up();
  return answer;
}

async function clicks(
  page: Page,
  count: number,
  limitMs: number,
  pause: (ms: number) => Promise<void>,
): Promise<(number | null)[]> {
  const answers: (number | null)[] = [];
  for (let at = 0; at < count; at += 1) {
    await pause(PAUSE.min + Math.random() * (PAUSE.max - PAUSE.min));
    answers.push(await click(page, limitMs));
  }
  return answers;
}

/** CPU and traffic while `work` runs. */
async function observe(subject: Subject, work: () => Promise<void>): Promise<Usage> {
  const { displayPid } = subject.target;
  const senders = await subject.target.senders(subject.transport);
  const look = async () => ({
    sender: sum(await Promise.all(senders.map(cpuSeconds))),
    display: displayPid === null ? 0 : await cpuSeconds(displayPid),
    bytes: await subject.sentBytes(),
    at: performance.now(),
  });
  const before = await look();
  await work();
  const after = await look();
  const seconds = (after.at - before.at) / 1000;
  return {
    cores: (after.sender - before.sender) / seconds,
    displayCores: displayPid === null ? null : (after.display - before.display) / seconds,
    kbps: ((after.bytes - before.bytes) * 8) / 1000 / seconds,
  };
}

/** The streamer in use is the largest of them: others may have been started ahead. */
async function uniqueMb(pids: readonly number[]): Promise<number> {
  return Math.max(...(await memoryOfAll(pids)).map((memory) => memory.uniqueMb));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
