import { fileURLToPath } from 'node:url';
import type { Database } from './database.ts';
import { openPglite } from './pglite.ts';
import { openPostgres } from './postgres.ts';

export const MIGRATIONS = fileURLToPath(new URL('./migrations', import.meta.url));

export interface DatabaseOptions {
  /** `postgres://…`; absent: PGlite in `<stateDirectory>/database`. */
  readonly url?: string | undefined;
  readonly stateDirectory: string;
}

/**
 * Opens the database for this controller alone and brings its schema up to date.
 * Rejects with `database_in_use`, `database_corrupt` or `database_unreachable`.
 */
export function openDatabase(options: DatabaseOptions): Promise<Database> {
  return options.url === undefined
    ? openPglite(options.stateDirectory, MIGRATIONS)
    : openPostgres(options.url, MIGRATIONS);
}
