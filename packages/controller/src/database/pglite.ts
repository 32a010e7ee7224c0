import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BrowserVmError } from '@browser-vm/protocol';
import { PGlite } from '@electric-sql/pglite';
import { drizzle } from 'drizzle-orm/pglite';
import { migrate } from 'drizzle-orm/pglite/migrator';
import type { Database } from './database.ts';
import { lockDirectory } from './directory-lock.ts';
import * as schema from './schema.ts';

/** PostgreSQL in this process, its files in `<stateDirectory>/database`. */
export async function openPglite(stateDirectory: string, migrationsFolder: string): Promise<Database> {
  const directory = join(stateDirectory, 'database');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const lock = lockDirectory(join(stateDirectory, 'database.lock'));
  try {
    const client = await open(directory);
    try {
      const queries = drizzle({ client, schema, casing: 'snake_case' });
      await migrate(queries, { migrationsFolder });
      return {
        kind: 'pglite',
        queries,
        async close() {
          await client.close();
          lock.release();
        },
      };
    } catch (error) {
      await client.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function open(directory: string): Promise<PGlite> {
  try {
    return await PGlite.create(directory);
  } catch (cause) {
    throw new BrowserVmError(
      {
        code: 'database_corrupt',
        message: `the embedded database in ${directory} does not open: ${firstLine(cause)}`,
        hop: 'database',
        remedy: `restore ${directory} from a backup, or move it away to start empty`,
      },
      { cause },
    );
  }
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n')[0] ?? '';
}
