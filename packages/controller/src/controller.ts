import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { BrowserVmError, type Configuration, type Credential, type Host } from '@browser-vm/protocol';
import type { Logger } from 'pino';
import type { Auth } from './auth/guard.ts';
import { createSignInCodes } from './auth/sign-in-codes.ts';
import { createTokens } from './auth/tokens.ts';
import { openDatabase } from './database/open.ts';
import type { Context, Server } from './http/context.ts';
import { buildServer, type ServerHooks } from './http/server.ts';
import { signInLink } from './http/sign-in.ts';
import { readOrCreateSecret } from './secrets/secret-file.ts';
import { createSessionService } from './sessions/service.ts';
import { createSessionStore } from './sessions/store.ts';
import { createIceServers } from './signaling/ice-servers.ts';
import { readCredential } from './vault/credentials.ts';
import { loadVaultKey } from './vault/key.ts';
import { createVault } from './vault/vault.ts';

export interface ControllerOptions extends ServerHooks {
  readonly configuration: Configuration;
  /** Made, and closed afterwards, by the caller. */
  readonly host: Host;
  readonly logger: Logger;
  /** Where `packages/dashboard/dist` lies. Default: the repository this file belongs to. */
  readonly repositoryRoot?: string;
}

export interface Controller {
  /** Starts to answer. `signInLink` opens the dashboard once, within 15 minutes. */
  listen(): Promise<{ readonly url: string; readonly signInLink: string }>;
  /** A credential as the tool wrote it, for the program that runs the controller; no route leads here. */
  readCredential(credentialId: string): Promise<Credential>;
  /** Ends every session, waits until its VM is gone, and closes server and database. */
  close(): Promise<void>;
}

const CLOSE_GRACE_MS = 2000;
const REPOSITORY_ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Opens vault and database, ends what an earlier controller left behind, and stands ready to listen. */
export async function createController(options: ControllerOptions): Promise<Controller> {
  const { configuration, host, logger } = options;
  const stateDirectory = configuration.BROWSER_VM_STATE_DIR;
  const iceServers = await createIceServers(configuration);
  const auth = await createAuth(configuration);
  const vault = createVault(await loadVaultKey(stateDirectory, configuration.BROWSER_VM_VAULT_KEY));
  const database = await openDatabase({ url: configuration.DATABASE_URL, stateDirectory });
  const closing = new AbortController();
  const url = `http://${reachableHost(configuration.BROWSER_VM_HOST)}:${configuration.BROWSER_VM_PORT}`;
  try {
    const sessions = createSessionService({
      host,
      store: createSessionStore(database.queries),
      vault,
      logger,
      iceServers,
      maxVmsPerUser: configuration.BROWSER_VM_MAX_VMS_PER_USER,
      clipboard: configuration.BROWSER_VM_CLIPBOARD,
      sessionSeconds: configuration.BROWSER_VM_SESSION_TTL_SECONDS,
    });
    await sessions.reconcile();
    const context: Context = {
      configuration,
      iceServers,
      auth,
      sessions,
      queries: database.queries,
      host,
      logger,
      dashboardDirectory: `${options.repositoryRoot ?? REPOSITORY_ROOT}/packages/dashboard/dist`,
      origin: () => auth.publicOrigin ?? url,
      closing: closing.signal,
    };
    const server = await buildServer(context, options);
    return {
      async listen() {
        await listen(server, configuration);
        return {
          url: context.origin(),
          signInLink: signInLink(context.origin(), auth.signInCodes.mint().code),
        };
      },
      readCredential: (credentialId) => readCredential(database.queries, vault, credentialId),
      async close() {
        await sessions.close();
        closing.abort();
        await closeServer(server);
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Answers on their way get a moment; connections that stay open after it are cut. */
async function closeServer(server: Server): Promise<void> {
  const cut = setTimeout(() => server.server.closeAllConnections(), CLOSE_GRACE_MS);
  await server.close();
  clearTimeout(cut);
}

async function createAuth(configuration: Configuration): Promise<Auth> {
  const { BROWSER_VM_STATE_DIR, BROWSER_VM_API_TOKEN, BROWSER_VM_PUBLIC_URL } = configuration;
  const secret = (name: string): Promise<string> =>
    readOrCreateSecret(BROWSER_VM_STATE_DIR, name, () => randomBytes(32).toString('base64url'));
  return {
    apiToken: BROWSER_VM_API_TOKEN ?? (await secret('api-token')),
    tokens: createTokens(Buffer.from(await secret('token.key'), 'base64url')),
    signInCodes: createSignInCodes(),
    publicOrigin: BROWSER_VM_PUBLIC_URL === undefined ? null : new URL(BROWSER_VM_PUBLIC_URL).origin,
  };
}

async function listen(server: Server, configuration: Configuration): Promise<void> {
  const { BROWSER_VM_HOST: host, BROWSER_VM_PORT: port } = configuration;
  try {
    await server.listen({ host, port });
  } catch (cause) {
    throw new BrowserVmError(
      {
        code: 'cannot_listen',
        message: `the controller cannot listen on ${host} port ${port}: ${cause instanceof Error ? cause.message : cause}`,
        hop: 'configuration',
        remedy: 'stop what listens there, or set BROWSER_VM_HOST and BROWSER_VM_PORT',
      },
      { cause },
    );
  }
}

/** The address as it stands in a URL for people on this machine. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
