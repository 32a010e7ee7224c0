import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Controller, createController, createLogger } from '@browser-vm/controller';
import {
  type Configuration,
  configurationSchema,
  type StartResponse,
  startResponseSchema,
} from '@browser-vm/protocol';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { freePort } from '../../../rfb/test/desktop.ts';
import type { DesktopHost } from './desktop-host.ts';

const API_TOKEN = 'an-api-token-for-tests-only';
const PACKAGE = new URL('../..', import.meta.url).pathname;

export interface DashboardOptions {
  readonly configuration?: Partial<Configuration>;
  /** Runs Chromium; default the one of Debian. */
  readonly chromium?: string;
  readonly chromiumArgs?: readonly string[];
  /** Where the browser finds the controller, when that is not where the controller says it is. */
  readonly reachedAt?: string;
  /** The desktop keeps its own size, and so every place on it. Default true. */
  readonly fixedSize?: boolean;
}

/** The built dashboard, served by the real controller, in a browser that is signed in to it. */
export class Dashboard {
  readonly url: string;
  readonly context: BrowserContext;
  /** Scripts that threw, and what the page's policy refused. */
  readonly complaints: string[] = [];
  readonly #controller: Controller;
  readonly #directory: string;

  private constructor(url: string, context: BrowserContext, controller: Controller, directory: string) {
    this.url = url;
    this.context = context;
    this.#controller = controller;
    this.#directory = directory;
  }

  static async start(host: DesktopHost, options: DashboardOptions = {}): Promise<Dashboard> {
    const directory = await mkdtemp(join(tmpdir(), 'browser-vm-dashboard-'));
    const outDir = join(directory, 'packages/dashboard/dist');
    await build({ root: PACKAGE, logLevel: 'error', build: { outDir, emptyOutDir: true } });
    const port = await freePort();
    const controller = await createController({
      configuration: {
        ...configurationSchema.parse({
          BROWSER_VM_STATE_DIR: join(directory, 'state'),
          BROWSER_VM_PORT: port,
          BROWSER_VM_API_TOKEN: API_TOKEN,
          RATE_LIMIT_MAX_REQUESTS: 100_000,
        }),
        ...options.configuration,
      },
      host,
      logger: createLogger({ BROWSER_VM_LOG_LEVEL: 'silent' }),
      repositoryRoot: directory,
    });
    const { url: own, signInLink } = await controller.listen();
    const url = options.reachedAt === undefined ? own : `http://${options.reachedAt}:${port}`;
    const context = await chromium.launchPersistentContext(join(directory, 'profile'), {
      executablePath: options.chromium ?? '/usr/bin/chromium',
      headless: true,
      viewport: { width: 1280, height: 800 },
      permissions: ['clipboard-read', 'clipboard-write'],
      args: [
        ...'--no-sandbox --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'.split(
          ' ',
        ),
        // The viewer's page needs a secure context, which loopback and HTTPS are.
        `--unsafely-treat-insecure-origin-as-secure=${url}`,
        ...(options.chromiumArgs ?? []),
      ],
    });
    if (options.fixedSize ?? true)
      await context.addInitScript(() => {
        // A page that is none yet has no storage.
        if (location.protocol === 'http:') localStorage.setItem('browser-vm-fixed-size', 'true');
      });
    const dashboard = new Dashboard(url, context, controller, directory);
    context.on('page', (page) => dashboard.#listen(page));
    const page = await dashboard.newPage();
    await page.goto(signInLink.replace(own, url));
    await page.close();
    return dashboard;
  }

  async newPage(): Promise<Page> {
    const page = await this.context.newPage();
    page.setDefaultTimeout(60_000);
    return page;
  }

  /** Starts a session as a program does; `viewerUrl` opens it for whoever has the link. */
  async startByApi(userId: string): Promise<StartResponse> {
    const response = await this.asOperator('/api/auth/start', { userId, provider: 'codex' });
    return startResponseSchema.parse(await response.json());
  }

  /** Posts to the API as a program with its token. */
  asOperator(path: string, body: unknown): Promise<Response> {
    return fetch(this.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${API_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  async stop(): Promise<void> {
    await this.context.close();
    await this.#controller.close();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #listen(page: Page): void {
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) this.complaints.push(message.text());
    });
  }
}
