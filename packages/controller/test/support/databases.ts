import { type PostgresServer, startPostgres } from './postgres.ts';

/** Both databases the product runs on; `url` is undefined for the embedded one. */
export const DATABASES = ['pglite', 'postgres'] as const;
export type DatabaseKind = (typeof DATABASES)[number];

/** Starts PostgreSQL only when it is asked for. */
export class Databases {
  #postgres: Promise<PostgresServer> | null = null;

  async newUrl(kind: DatabaseKind): Promise<string | undefined> {
    if (kind === 'pglite') return undefined;
    this.#postgres ??= startPostgres();
    return (await this.#postgres).newDatabase();
  }

  async stop(): Promise<void> {
    await (await this.#postgres)?.stop();
  }
}
