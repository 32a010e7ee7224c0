import { BrowserVmError } from '@browser-vm/protocol';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres from 'postgres';
import type { Database } from './database.ts';
import * as schema from './schema.ts';

/** Any constant will do that nobody else takes: "browser" in ASCII. */
const CONTROLLER_LOCK = '27710213180941682';
const MAX_CONNECTIONS = 10;
const CONNECT_TIMEOUT_SECONDS = 10;

/** A PostgreSQL server; an advisory lock keeps a second controller out of its sessions. */
export async function openPostgres(url: string, migrationsFolder: string): Promise<Database> {
  const client = connect(url);
  try {
    const holder = await reach(client, url);
    const [row] = await holder<
      { locked: boolean }[]
    >`select pg_try_advisory_lock(${CONTROLLER_LOCK}::bigint) as locked`;
    if (row?.locked !== true) throw inUse(url);
    const queries = drizzle({ client, schema, casing: 'snake_case' });
    await migrate(queries, { migrationsFolder });
    return {
      kind: 'postgres',
      queries,
      async close() {
        holder.release();
        await client.end({ timeout: 5 });
      },
    };
  } catch (error) {
    await client.end({ timeout: 0 });
    throw error;
  }
}

function connect(url: string): postgres.Sql {
  try {
    return postgres(url, {
      max: MAX_CONNECTIONS,
      connect_timeout: CONNECT_TIMEOUT_SECONDS,
      onnotice: () => {},
    });
  } catch (cause) {
    throw unreachable('DATABASE_URL', cause);
  }
}

async function reach(client: postgres.Sql, url: string): Promise<postgres.ReservedSql> {
  try {
    return await client.reserve();
  } catch (cause) {
    throw unreachable(withoutSecret(url), cause);
  }
}

function unreachable(where: string, cause: unknown): BrowserVmError {
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new BrowserVmError(
    {
      code: 'database_unreachable',
      message: `no database at ${where}: ${reason}`,
      hop: 'database',
      remedy: 'check DATABASE_URL and that the server accepts this user',
    },
    { cause },
  );
}

function inUse(url: string): BrowserVmError {
  return new BrowserVmError({
    code: 'database_in_use',
    message: `another controller uses the database at ${withoutSecret(url)}`,
    hop: 'database',
    remedy: 'stop that controller, or give this one its own database',
  });
}

function withoutSecret(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? 'DATABASE_URL' : `${parsed.host}${parsed.pathname}`;
}
