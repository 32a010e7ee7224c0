import { type ViewerMode, viewerModeSchema } from '@browser-vm/protocol';
import { jwtVerify, SignJWT } from 'jose';

const ISSUER = 'browser-vm';
const ALGORITHM = 'HS256';
/** A working day, in seconds. */
export const DASHBOARD_COOKIE_SECONDS = 12 * 60 * 60;

export interface ViewerGrant {
  readonly sessionId: string;
  readonly mode: ViewerMode;
  readonly expiresAt: Date;
}

/** Signs and verifies the JWTs of dashboard and viewers. */
export interface Tokens {
  issueViewer(sessionId: string, mode: ViewerMode, expiresAt: Date): Promise<string>;
  /** Null when the token is not a viewer's, not ours, or expired. */
  verifyViewer(token: string): Promise<ViewerGrant | null>;
  issueDashboard(): Promise<string>;
  verifyDashboard(token: string): Promise<boolean>;
}

/** `key`: at least 32 bytes. */
export function createTokens(key: Uint8Array): Tokens {
  const sign = (audience: string, expiresAt: Date, subject: string, claims: { mode?: ViewerMode } = {}) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM })
      .setIssuer(ISSUER)
      .setAudience(audience)
      .setSubject(subject)
      .setIssuedAt()
      .setExpirationTime(expiresAt)
      .sign(key);

  const verify = async (token: string, audience: string) => {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience,
        requiredClaims: ['exp', 'sub'],
      });
      return payload;
    } catch {
      return null;
    }
  };

  return {
    issueViewer: (sessionId, mode, expiresAt) => sign('viewer', expiresAt, sessionId, { mode }),
    async verifyViewer(token) {
      const payload = await verify(token, 'viewer');
      const mode = viewerModeSchema.safeParse(payload?.mode);
      if (payload?.sub === undefined || payload.exp === undefined || !mode.success) return null;
      return { sessionId: payload.sub, mode: mode.data, expiresAt: new Date(payload.exp * 1000) };
    },
    issueDashboard: () =>
      sign('dashboard', new Date(Date.now() + DASHBOARD_COOKIE_SECONDS * 1000), 'operator'),
    verifyDashboard: async (token) => (await verify(token, 'dashboard')) !== null,
  };
}
