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
import { build } from 'vite';
import { freePort } from '../../../rfb/test/desktop.ts';
import type { DesktopHost } from './desktop-host.ts';

const API_TOKEN = 'an-api-token-for-tests-only';
const PACKAGE = new URL('../..', import.meta.url).pathname;

export interface DashboardServerOptions {
  readonly configuration?: Partial<Configuration>;
  /** Where browsers find the controller, when that is not where the controller says it is. */
  readonly reachedAt?: string;
}

/** The built dashboard, served by the real controller. */
export class DashboardServer {
  readonly url: string;
  /** Opens the dashboard, once. */
  readonly signInLink: string;
  /** Its own, removed when it stops. */
  readonly directory: string;
  readonly #controller: Controller;

  private constructor(url: string, signInLink: string, controller: Controller, directory: string) {
    this.url = url;
    this.signInLink = signInLink;
    this.directory = directory;
    this.#controller = controller;
  }

  static async start(host: DesktopHost, options: DashboardServerOptions = {}): Promise<DashboardServer> {
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
    return new DashboardServer(url, signInLink.replace(own, url), controller, directory);
  }

  /** Starts a session as a program does; `viewerUrl` opens it for whoever has the link. */
  async startByApi(userId: string, more: { clipboard?: boolean } = {}): Promise<StartResponse> {
    const response = await this.asOperator('/api/auth/start', { userId, provider: 'codex', ...more });
    const started = startResponseSchema.parse(await response.json());
    const { pathname, search, hash } = new URL(started.viewerUrl);
    return { ...started, viewerUrl: this.url + pathname + search + hash };
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
    await this.#controller.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}
