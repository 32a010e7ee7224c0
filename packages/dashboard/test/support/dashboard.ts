import { join } from 'node:path';
import type { Configuration, StartResponse } from '@browser-vm/protocol';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { DashboardServer } from './dashboard-server.ts';
import type { DesktopHost } from './desktop-host.ts';

export interface DashboardOptions {
  readonly configuration?: Partial<Configuration>;
  /** The desktop keeps its own size, and so every place on it. Default true. */
  readonly fixedSize?: boolean;
}

/** The built dashboard, served by the real controller, in a Chromium that is signed in to it. */
export class Dashboard {
  readonly url: string;
  readonly context: BrowserContext;
  /** Scripts that threw, and what the page's policy refused. */
  readonly complaints: string[] = [];
  readonly #server: DashboardServer;

  private constructor(server: DashboardServer, context: BrowserContext) {
    this.url = server.url;
    this.context = context;
    this.#server = server;
  }

  static async start(host: DesktopHost, options: DashboardOptions = {}): Promise<Dashboard> {
    const { configuration = {}, fixedSize = true } = options;
    const server = await DashboardServer.start(host, { configuration });
    const context = await chromium.launchPersistentContext(join(server.directory, 'profile'), {
      executablePath: '/usr/bin/chromium',
      headless: true,
      viewport: { width: 1280, height: 800 },
      permissions: ['clipboard-read', 'clipboard-write'],
      args: '--no-sandbox --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'.split(
        ' ',
      ),
    });
    if (fixedSize)
      await context.addInitScript(() => {
        // A page that is none yet has no storage.
        if (location.protocol === 'http:') localStorage.setItem('browser-vm-fixed-size', 'true');
      });
    const dashboard = new Dashboard(server, context);
    context.on('page', (page) => dashboard.#listen(page));
    const page = await dashboard.newPage();
    await page.goto(server.signInLink);
    await page.close();
    return dashboard;
  }

  async newPage(): Promise<Page> {
    const page = await this.context.newPage();
    page.setDefaultTimeout(60_000);
    return page;
  }

  /** Starts a session as a program does; `viewerUrl` opens it for whoever has the link. */
  startByApi(userId: string, more: { clipboard?: boolean } = {}): Promise<StartResponse> {
    return this.#server.startByApi(userId, more);
  }

  /** Posts to the API as a program with its token. */
  asOperator(path: string, body: unknown): Promise<Response> {
    return this.#server.asOperator(path, body);
  }

  /** A page of somebody who is not signed in; the others are signed in again when this resolves. */
  async asStranger(act: (page: Page) => Promise<void>): Promise<void> {
    const cookies = await this.context.cookies();
    await this.context.clearCookies();
    const page = await this.newPage();
    try {
      await act(page);
    } finally {
      await page.close();
      await this.context.clearCookies();
      await this.context.addCookies(cookies);
    }
  }

  /** What a test that failed left open would go on acting on the desktop, the clipboard and the browser's connections. */
  async closePages(): Promise<void> {
    // The blank one that a browser begins with keeps it running.
    const opened = this.context.pages().filter((page) => page.url() !== 'about:blank');
    await Promise.all(opened.map((page) => page.close()));
  }

  async stop(): Promise<void> {
    await this.context.close();
    await this.#server.stop();
  }

  #listen(page: Page): void {
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) this.complaints.push(message.text());
    });
  }
}
