import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** A person's browser: Debian's Chromium, headless, with a profile that is thrown away. */
export interface ViewerBrowser {
  readonly page: Page;
  close(): Promise<void>;
}

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Playwright's own way of ending a browser ends this process with it, and all that is still to be removed stays. */
const NO_SIGNALS = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false } as const;

/** Places on the desktop, and what a picture of it costs, are the same in every run. */
async function fixSize(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    // A page that is none yet has no storage.
    if (location.protocol === 'http:') localStorage.setItem('browser-vm-fixed-size', 'true');
  });
}

/**
 * As many people as wanted, each with a profile of their own: six connections to a host are all that a browser makes for
 * one, and the events of a session take one of them for good.
 */
export async function openViewerBrowsers(
  count: number,
  size = { width: 1280, height: 900 },
): Promise<{ readonly pages: readonly Page[]; close(): Promise<void> }> {
  const browser = await chromium.launch({
    ...NO_SIGNALS,
    executablePath: '/usr/bin/chromium',
    headless: true,
    args: ARGUMENTS,
  });
  const open = async () => {
    // What moves in the pages of people who wait costs their own computers, which here are this machine.
    const context = await browser.newContext({ viewport: size, reducedMotion: 'reduce' });
    await fixSize(context);
    return await context.newPage();
  };
  const pages = await Promise.all(Array.from({ length: count }, open));
  return { pages, close: () => browser.close() };
}

/**
 * `program`: runs Chromium with the arguments it is given, perhaps in another namespace.
 * `fixedSize`: the desktop keeps its own size, and so every place on it.
 */
export async function openViewerBrowser(
  size = { width: 1280, height: 900 },
  { program = '/usr/bin/chromium', args = [] as readonly string[], fixedSize = true } = {},
): Promise<ViewerBrowser> {
  const profile = await mkdtemp(path.join(os.tmpdir(), 'browser-vm-viewer-'));
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    ...NO_SIGNALS,
    executablePath: program,
    headless: true,
    viewport: size,
    args: [...ARGUMENTS, ...args],
  });
  if (fixedSize) await fixSize(context);
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(120_000);
  return {
    page,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
