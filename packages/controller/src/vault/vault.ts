import { BrowserVmError, type Credential, credentialSchema } from '@browser-vm/protocol';
import { CompactEncrypt, compactDecrypt } from 'jose';
import type { VaultKey } from './key.ts';

/** Whose credential it is, and for what: bound to the ciphertext. */
export interface CredentialOwner {
  readonly userId: string;
  readonly provider: string;
}

/** Encrypts credentials as compact JWE (dir, A256GCM). */
export interface Vault {
  readonly keyId: string;
  seal(owner: CredentialOwner, credential: Credential): Promise<string>;
  /** Throws a `vault` fault for another key, another owner, or a changed ciphertext. */
  unseal(owner: CredentialOwner, jwe: string): Promise<Credential>;
}

export function createVault(key: VaultKey): Vault {
  return {
    keyId: key.id,
    seal: ({ userId, provider }, credential) =>
      // The protected header is authenticated with the ciphertext: a row moved to another user does not open.
      new CompactEncrypt(new TextEncoder().encode(JSON.stringify(credential)))
        .setProtectedHeader({
          alg: 'dir',
          enc: 'A256GCM',
          kid: key.id,
          cty: 'application/json',
          user: userId,
          provider,
        })
        .encrypt(key.bytes),

    async unseal(owner, jwe) {
      const { plaintext, protectedHeader } = await compactDecrypt(jwe, selectKey, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      }).catch((cause: unknown) => {
        throw cause instanceof BrowserVmError
          ? cause
          : vaultFault('credential_unreadable', 'a stored credential does not decrypt', cause);
      });
      if (protectedHeader.user !== owner.userId || protectedHeader.provider !== owner.provider) {
        throw vaultFault(
          'credential_of_another',
          `a credential stored for ${owner.userId} and ${owner.provider} was sealed for another`,
        );
      }
      return credentialSchema.parse(JSON.parse(new TextDecoder().decode(plaintext)));
    },
  };

  function selectKey(header: { kid?: string }): Uint8Array {
    if (header.kid === key.id) return key.bytes;
    throw vaultFault(
      'vault_key_unknown',
      `a credential was encrypted with vault key ${header.kid ?? 'without a name'}; this is ${key.id}`,
    );
  }
}

function vaultFault(code: string, message: string, cause?: unknown): BrowserVmError {
  return new BrowserVmError(
    { code, message, hop: 'vault', remedy: 'restore the vault key that belongs to this database' },
    { cause },
  );
}
