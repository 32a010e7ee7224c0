import type { Credential, ProviderDescriptor } from '@browser-vm/protocol';
import { atPointer } from './json-pointer.ts';

type Description = ProviderDescriptor['credential'];

/** What a credential file holds: the credential, or why it is none (yet). Names pointers, never values. */
export type Reading =
  | { readonly ok: true; readonly credential: Credential }
  | { readonly ok: false; readonly why: string };

export function readCredential(content: string, description: Description): Reading {
  let document: unknown;
  try {
    document = JSON.parse(content);
  } catch {
    return { ok: false, why: 'it is not JSON' };
  }
  const missing = description.required.filter((pointer) => !isText(atPointer(document, pointer)));
  if (missing.length > 0) return { ok: false, why: `${missing.join(', ')} missing` };
  const credential = {
    content,
    path: description.path,
    account: account(document, description),
    expiresAt: expiresAt(document, description),
  };
  return { ok: true, credential };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function account(document: unknown, { account: where }: Description): string | null {
  if (where === undefined) return null;
  const found = atPointer(document, where.pointer);
  const value = where.jwtClaim === undefined ? found : jwtClaims(found)[where.jwtClaim];
  return isText(value) ? value : null;
}

function expiresAt(document: unknown, { expiresAt: where }: Description): string | null {
  if (where === undefined) return null;
  const found = atPointer(document, where.pointer);
  const value = where.unit === 'jwt' ? jwtClaims(found).exp : found;
  if (typeof value !== 'number') return null;
  const time = new Date(where.unit === 'milliseconds' ? value : value * 1000);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** The claims of a JWT, unverified: they only label a credential. */
function jwtClaims(token: unknown): Record<string, unknown> {
  if (!isText(token)) return {};
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
