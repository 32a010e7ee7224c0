import type { Configuration, Credential } from '@browser-vm/protocol';
import { openDatabase } from '../database/open.ts';
import { credentials } from '../database/schema.ts';
import { loadVaultKey } from './key.ts';
import { createVault } from './vault.ts';

/** One stored credential, decrypted. Secret. */
export interface StoredCredential {
  readonly userId: string;
  readonly provider: string;
  readonly credential: Credential;
}

/**
 * Decrypts everything in the vault of a controller that does not run, for its operator.
 * Rejects as opening the database does, among others while a controller holds the embedded one.
 */
export async function readVaultOffline(configuration: Configuration): Promise<StoredCredential[]> {
  const stateDirectory = configuration.BROWSER_VM_STATE_DIR;
  const vault = createVault(await loadVaultKey(stateDirectory, configuration.BROWSER_VM_VAULT_KEY));
  const database = await openDatabase({ url: configuration.DATABASE_URL, stateDirectory });
  try {
    const rows = await database.queries.select().from(credentials);
    return await Promise.all(
      rows.map(async (row) => ({
        userId: row.userId,
        provider: row.provider,
        credential: await vault.unseal(row, row.jwe),
      })),
    );
  } finally {
    await database.close();
  }
}
