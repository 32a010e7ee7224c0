import type { CookieSerializeOptions } from '@fastify/cookie';

export const DASHBOARD_COOKIE = 'browser_vm_dashboard';
const VIEWER_COOKIE_PREFIX = 'browser_vm_viewer_';

/** One cookie per session, so that one browser can view several. */
export function viewerCookie(sessionId: string): string {
  return `${VIEWER_COOKIE_PREFIX}${sessionId}`;
}

export function isViewerCookie(name: string): boolean {
  return name.startsWith(VIEWER_COOKIE_PREFIX);
}

export function cookieOptions(secure: boolean, expires: Date): CookieSerializeOptions {
  return { path: '/', httpOnly: true, sameSite: 'strict', secure, expires };
}
