import { createHash, randomBytes } from 'node:crypto';

const LIFETIME_MS = 15 * 60 * 1000;
/** Unused codes kept at once; the oldest gives way. */
const MAX_CODES = 100;

export interface SignInCodes {
  mint(): { readonly code: string; readonly expiresAt: Date };
  /** True once for each code that was minted and has not expired. */
  redeem(code: string): boolean;
}

/** One-time codes that open the dashboard. They live in memory: a restart invalidates them. */
export function createSignInCodes(now: () => number = Date.now): SignInCodes {
  const expiryByDigest = new Map<string, number>();
  return {
    mint() {
      const code = randomBytes(32).toString('base64url');
      const expiry = now() + LIFETIME_MS;
      expiryByDigest.set(digest(code), expiry);
      for (const oldest of expiryByDigest.keys()) {
        if (expiryByDigest.size <= MAX_CODES) break;
        expiryByDigest.delete(oldest);
      }
      return { code, expiresAt: new Date(expiry) };
    },
    redeem(code) {
      const key = digest(code);
      const expiry = expiryByDigest.get(key);
      expiryByDigest.delete(key);
      return expiry !== undefined && now() < expiry;
    },
  };
}

/** Looked up by digest, so that the comparison's time tells nothing about a code. */
function digest(code: string): string {
  return createHash('sha256').update(code).digest('hex');
}
