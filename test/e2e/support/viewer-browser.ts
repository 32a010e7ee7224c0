import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** A person's browser: Debian's Chromium, headless, with a profile that is thrown away. */
export interface ViewerBrowser {
  readonly page: Page;
  close(): Promise<void>;
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
    executablePath: program,
    headless: true,
    viewport: size,
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...args,
    ],
  });
  // Places on the desktop, and what a picture of it costs, are the same in every run.
  if (fixedSize)
    await context.addInitScript(() => {
      // A page that is none yet has no storage.
      if (location.protocol === 'http:') localStorage.setItem('browser-vm-fixed-size', 'true');
    });
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
