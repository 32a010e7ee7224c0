import { createHmac, randomBytes } from 'node:crypto';
import { BrowserVmError } from '@browser-vm/protocol';
import { readOrCreateSecret } from '../secrets/secret-file.ts';

/** AES-256. */
const KEY_BYTES = 32;

export interface VaultKey {
  /** 16 hexadecimal digits, derived from the key; tells nothing about it. */
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** From configuration, else from `<stateDirectory>/secrets/vault.key`, made on first use. */
export async function loadVaultKey(stateDirectory: string, configured?: string): Promise<VaultKey> {
  if (configured !== undefined) return parseKey(configured, 'BROWSER_VM_VAULT_KEY');
  const stored = await readOrCreateSecret(stateDirectory, 'vault.key', () =>
    randomBytes(KEY_BYTES).toString('base64'),
  );
  return parseKey(stored, `${stateDirectory}/secrets/vault.key`);
}

function parseKey(text: string, source: string): VaultKey {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== text) {
    throw new BrowserVmError({
      code: 'vault_key_invalid',
      message: `${source} is not base64 of ${KEY_BYTES} bytes`,
      hop: 'configuration',
      remedy: `make one with: openssl rand -base64 ${KEY_BYTES}`,
    });
  }
  const id = createHmac('sha256', bytes).update('browser-vm vault key id').digest('hex').slice(0, 16);
  return { id, bytes };
}
