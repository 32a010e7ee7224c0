import type { SessionEvent } from '@browser-vm/protocol';
import type { Page } from 'playwright-core';
import { cpuSeconds } from '../../test/e2e/support/cpu.ts';
import { monitorsOf } from '../../test/e2e/support/monitors.ts';
import type { Bench } from '../support/bench.ts';
import { seen } from './one-start.ts';

/** This only ends a hang. Milliseconds. */
const LIMIT = 300_000;

/** One start that is left alone, in milliseconds since its POST left the page. */
export interface SignIn {
  /** The tool named its sign-in page, and the browser took it. */
  readonly urlOpenedMs: number;
  /** The first frame in which it is painted. */
  readonly pageMs: number;
  /** That the monitor used by then, since the session had it. */
  readonly cpuSeconds: number;
}

const isOpened = ({ event }: SessionEvent) => event.type === 'stage' && event.stage === 'url_opened';

/** Presses Connect and waits for the sign-in page; cancels in the end. */
export async function measureSignIn({ api, controller }: Bench, page: Page): Promise<SignIn> {
  await page.getByTestId('connect-codex').click();
  await seen(page, ['firstFrame', 'refused'], LIMIT);
  await page.evaluate(() => window.browserVmProbe.lookForSignInPage());
  const { sessionId } = await page.evaluate(() => window.browserVmProbe.seen);
  if (sessionId === null) throw new Error('the host started no session');
  const pid = (await monitorsOf(controller)).get(sessionId);
  const before = pid === undefined ? 0 : await cpuSeconds(pid);
  await seen(page, ['signInPage'], LIMIT);
  const used = pid === undefined ? Number.NaN : (await cpuSeconds(pid)) - before;
  const { posted, signInPage } = await page.evaluate(() => window.browserVmProbe.seen);
  const opened = (await api.history(sessionId, isOpened)).find(isOpened);
  await api.cancel(sessionId);
  await api.history(sessionId);
  const since = (at: number) => Math.round(at - (posted ?? Number.NaN));
  return {
    urlOpenedMs: since(Date.parse(opened?.at ?? '')),
    pageMs: since(signInPage ?? Number.NaN),
    cpuSeconds: Math.round(used * 100) / 100,
  };
}
