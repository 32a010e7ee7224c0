import { mkdtemp, rm } from 'node:fs/promises';
import {
  type Configuration,
  configurationSchema,
  type Session,
  type StartResponse,
} from '@browser-vm/protocol';
import type { RouteOptions } from 'fastify';
import { type Controller, createController, createLogger } from '../../src/index.ts';
import { freePort } from './postgres.ts';
import { ScriptedHost } from './scripted-host.ts';

export const API_TOKEN = 'an-api-token-for-tests-only';

export interface Running {
  readonly controller: Controller;
  readonly host: ScriptedHost;
  readonly url: string;
  readonly signInLink: string;
  readonly configuration: Configuration;
  readonly routes: RouteOptions[];
  /** Everything logged so far. */
  readonly log: () => string;
  /** As operator, unless `token` or headers say otherwise. */
  request(path: string, init?: RequestInit & { token?: string | null }): Promise<Response>;
  start(userId?: string): Promise<StartResponse>;
  session(sessionId: string): Promise<Session>;
  /** Resolves when the session is in that state and, for a final one, its VM is gone. */
  reaches(sessionId: string, status: Session['status']): Promise<Session>;
  close(): Promise<void>;
}

export interface StartOptions {
  readonly configuration?: Partial<Configuration>;
  readonly host?: ScriptedHost;
  /** Kept after `close`, for a second controller. */
  readonly stateDirectory?: string;
  readonly repositoryRoot?: string;
}

export async function temporaryDirectory(): Promise<string> {
  return mkdtemp('/tmp/browser-vm-controller-');
}

export async function startController(options: StartOptions = {}): Promise<Running> {
  const stateDirectory = options.stateDirectory ?? (await temporaryDirectory());
  const host = options.host ?? new ScriptedHost();
  const lines: string[] = [];
  const routes: RouteOptions[] = [];
  const configuration: Configuration = {
    ...configurationSchema.parse({
      BROWSER_VM_STATE_DIR: stateDirectory,
      BROWSER_VM_PORT: await freePort(),
      BROWSER_VM_API_TOKEN: API_TOKEN,
      RATE_LIMIT_MAX_REQUESTS: 100_000,
    }),
    ...options.configuration,
  };
  const controller = await createController({
    configuration,
    host,
    logger: createLogger({ BROWSER_VM_LOG_LEVEL: 'trace' }, { write: (line) => void lines.push(line) }),
    onRoute: (route) => void routes.push(route),
    ...(options.repositoryRoot === undefined ? {} : { repositoryRoot: options.repositoryRoot }),
  });
  const { url, signInLink } = await controller.listen().catch(async (error: unknown) => {
    await controller.close();
    if (options.stateDirectory === undefined) await rm(stateDirectory, { recursive: true });
    throw error;
  });

  const request: Running['request'] = (path, { token = API_TOKEN, ...init } = {}) =>
    fetch(new URL(path, url), {
      redirect: 'manual',
      ...init,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...init.headers,
      },
    });
  const session = async (sessionId: string) =>
    (await (await request(`/api/auth/session/${sessionId}`)).json()) as Session;

  return {
    controller,
    host,
    url,
    signInLink,
    configuration,
    routes,
    log: () => lines.join(''),
    request,
    session,
    async start(userId = 'alice') {
      const response = await request('/api/auth/start', {
        method: 'POST',
        body: JSON.stringify({ userId, provider: 'codex' }),
      });
      if (response.status !== 201)
        throw new Error(`start answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as StartResponse;
    },
    async reaches(sessionId, status) {
      const final = !['starting', 'ready', 'signing_in'].includes(status);
      const response = await request(`/api/auth/session/${sessionId}/events`);
      let seen = '';
      if (response.body !== null) {
        for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
          seen += chunk;
          // A final state's stream ends by itself, when the VM is gone.
          if (!final && seen.includes(`"state":"${status}"`)) break;
        }
      }
      const now = await session(sessionId);
      if (now.status !== status) throw new Error(`expected ${status}, is ${now.status}: ${seen}`);
      return now;
    },
    async close() {
      await controller.close();
      if (options.stateDirectory === undefined) await rm(stateDirectory, { recursive: true });
    },
  };
}
