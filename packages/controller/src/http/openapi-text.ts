import { configurationSchema, type Host } from '@browser-vm/protocol';
import { drizzle } from 'drizzle-orm/pglite';
import { createSignInCodes } from '../auth/sign-in-codes.ts';
import { createTokens } from '../auth/tokens.ts';
import * as schema from '../database/schema.ts';
import { createLogger } from '../logging/logger.ts';
import { createSessionService } from '../sessions/service.ts';
import { createSessionStore } from '../sessions/store.ts';
import { createVault } from '../vault/vault.ts';
import { buildServer } from './server.ts';

/** The API's description as JSON text. Builds the server with nothing behind it: no route is ever called. */
export async function openApiText(): Promise<string> {
  const configuration = configurationSchema.parse({});
  const logger = createLogger({ BROWSER_VM_LOG_LEVEL: 'silent' });
  const queries = drizzle.mock({ schema, casing: 'snake_case' });
  const server = await buildServer({
    configuration,
    iceServers: () => [],
    auth: {
      apiToken: '',
      tokens: createTokens(new Uint8Array(32)),
      signInCodes: createSignInCodes(),
      publicOrigin: null,
    },
    sessions: createSessionService({
      host: noHost,
      store: createSessionStore(queries),
      vault: createVault({ id: '', bytes: new Uint8Array(32) }),
      logger,
      iceServers: () => [],
      maxVmsPerUser: undefined,
      clipboard: true,
      sessionSeconds: 60,
    }),
    queries,
    host: noHost,
    logger,
    dashboardDirectory: import.meta.dirname,
    origin: () => '',
    closing: new AbortController().signal,
  });
  try {
    return `${JSON.stringify(server.swagger(), null, 2)}\n`;
  } finally {
    await server.close();
  }
}

const refuse = (): Promise<never> => Promise.reject(new Error('a description has no host'));
const noHost: Host = {
  doctor: refuse,
  prepare: refuse,
  admit: refuse,
  start: refuse,
  usage: refuse,
  reconcile: refuse,
  close: refuse,
};
