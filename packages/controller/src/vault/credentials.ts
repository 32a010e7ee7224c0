import { randomUUID } from 'node:crypto';
import { BrowserVmError, type Credential, type CredentialSummary } from '@browser-vm/protocol';
import { asc, eq } from 'drizzle-orm';
import type { Queries, Transaction } from '../database/database.ts';
import { credentials } from '../database/schema.ts';
import type { CredentialOwner, Vault } from './vault.ts';

/** A credential made ready for its row; nothing in it is secret without the vault's key. */
export interface SealedCredential extends CredentialOwner {
  readonly jwe: string;
  readonly keyId: string;
  readonly account: string | null;
  readonly expiresAt: Date | null;
}

export async function sealCredential(
  vault: Vault,
  owner: CredentialOwner,
  credential: Credential,
): Promise<SealedCredential> {
  return {
    ...owner,
    jwe: await vault.seal(owner, credential),
    keyId: vault.keyId,
    account: credential.account,
    expiresAt: credential.expiresAt === null ? null : new Date(credential.expiresAt),
  };
}

/** One credential per user and provider: a new sign-in replaces the earlier one. Returns its id. */
export async function storeCredential(transaction: Transaction, sealed: SealedCredential): Promise<string> {
  const updatedAt = new Date();
  const [row] = await transaction
    .insert(credentials)
    .values({ id: randomUUID(), ...sealed, createdAt: updatedAt, updatedAt })
    .onConflictDoUpdate({
      target: [credentials.userId, credentials.provider],
      set: {
        jwe: sealed.jwe,
        keyId: sealed.keyId,
        account: sealed.account,
        expiresAt: sealed.expiresAt,
        updatedAt,
      },
    })
    .returning({ id: credentials.id });
  if (row === undefined) throw new Error('an upsert returned no row');
  return row.id;
}

export async function listCredentials(queries: Queries, userId: string): Promise<CredentialSummary[]> {
  const rows = await queries
    .select()
    .from(credentials)
    .where(eq(credentials.userId, userId))
    .orderBy(asc(credentials.provider));
  return rows.map(({ id, jwe: _, ...row }) => ({
    credentialId: id,
    userId: row.userId,
    provider: row.provider,
    account: row.account,
    keyId: row.keyId,
    expiresAt: row.expiresAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  }));
}

export async function deleteCredential(queries: Queries, credentialId: string): Promise<void> {
  const deleted = await queries
    .delete(credentials)
    .where(eq(credentials.id, credentialId))
    .returning({ id: credentials.id });
  if (deleted.length === 0) throw unknownCredential(credentialId);
}

/** The secret itself, for the program that runs the controller; no route leads here. */
export async function readCredential(
  queries: Queries,
  vault: Vault,
  credentialId: string,
): Promise<Credential> {
  const [row] = await queries.select().from(credentials).where(eq(credentials.id, credentialId));
  if (row === undefined) throw unknownCredential(credentialId);
  return vault.unseal(row, row.jwe);
}

function unknownCredential(credentialId: string): BrowserVmError {
  return new BrowserVmError(
    { code: 'unknown_credential', message: `there is no credential ${credentialId}`, hop: 'request' },
    { status: 404 },
  );
}
