import type { Page } from 'playwright-core';
import { monitorsOf } from '../../test/e2e/support/monitors.ts';
import type { Bench } from '../support/bench.ts';
import { coresUsed, type Memory, memoryOf, sessionProcesses } from '../support/processes.ts';
import type { LiveSession } from './live-session.ts';

const STREAM_SECONDS = 10;

export interface Streaming {
  readonly seconds: number;
  readonly monitor: Memory;
  readonly monitorCores: number;
  /** The busiest of them: others may have been started ahead. */
  readonly streamer: Memory | null;
}

/** One VM, watched and used through WebRTC: the pointer moves over the page and fields take the focus. */
export async function measureStreaming(
  bench: Bench,
  page: Page,
  { sessionId }: LiveSession,
): Promise<Streaming> {
  const { controller, signal } = bench;
  await page.goto(await controller.newSignInLink());
  await page.goto(`${controller.url}/dashboard/remote-cli/auth?session=${sessionId}`);
  const viewer = page.getByTestId('viewer');
  await viewer.and(page.locator('[data-status="connected"]')).waitFor();
  const box = await viewer.boundingBox();
  const pid = (await monitorsOf(controller)).get(sessionId);
  if (box === null || pid === undefined) throw new Error('there is nothing to stream');
  const { streamers } = await sessionProcesses(controller.runDir);
  const measuring = coresUsed([pid, ...streamers], STREAM_SECONDS * 1000, signal);
  let watching = true;
  const used = (async () => {
    for (let step = 0; watching; step += 1) {
      const part = (step % 20) / 20;
      await page.mouse.move(box.x + box.width * (0.3 + 0.4 * part), box.y + box.height * (0.3 + 0.5 * part));
      if (step % 5 === 0)
        await page.mouse.click(box.x + box.width * 0.5, box.y + box.height * (0.3 + 0.5 * part));
      await page.waitForTimeout(100);
    }
  })();
  const [monitorCores = 0, ...streamerCores] = await measuring;
  const busiest = streamers[streamerCores.indexOf(Math.max(...streamerCores))];
  const monitor = await memoryOf(pid);
  const streamer = busiest === undefined ? null : await memoryOf(busiest);
  watching = false;
  await used;
  await page.goto('about:blank');
  if (monitor === null) throw new Error('the VM ended while it was streamed');
  return { seconds: STREAM_SECONDS, monitor, monitorCores, streamer };
}
