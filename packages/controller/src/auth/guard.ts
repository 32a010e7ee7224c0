import type { FastifyRequest } from 'fastify';
import { sameSecret } from './constant-time.ts';
import { DASHBOARD_COOKIE, isViewerCookie, viewerCookie } from './cookies.ts';
import { forbidden, foreignOrigin, unauthenticated } from './errors.ts';
import type { Access, Principal } from './principal.ts';
import { usesCookie } from './principal.ts';
import type { SignInCodes } from './sign-in-codes.ts';
import type { Tokens } from './tokens.ts';

/** Subprotocol by which a WebSocket carries a token: browsers cannot set its headers. */
const WEBSOCKET_TOKEN_PREFIX = 'bearer.';

export interface Auth {
  readonly apiToken: string;
  readonly tokens: Tokens;
  readonly signInCodes: SignInCodes;
  /** Origin people use, when configuration names one. */
  readonly publicOrigin: string | null;
}

/**
 * Who sends this request, if the route may serve them.
 * Throws 401 for missing or wrong proof, 403 for a scope or an origin that does not reach.
 */
export async function authorize(auth: Auth, access: Access, request: FastifyRequest): Promise<Principal> {
  const sessionId = sessionOf(request);
  const principal =
    access === 'sign_in_code' ? redeem(auth, request) : await identify(auth, request, sessionId);
  if (principal === null) throw unauthenticated();
  requireScope(principal, access, sessionId);
  requireOrigin(auth, principal, request);
  return principal;
}

function redeem(auth: Auth, request: FastifyRequest): Principal | null {
  const { code } = request.query as { code?: unknown };
  return typeof code === 'string' && auth.signInCodes.redeem(code) ? { kind: 'sign_in_code' } : null;
}

/** A token that is sent and wrong refuses the request, whatever cookies come with it. */
async function identify(
  auth: Auth,
  request: FastifyRequest,
  sessionId: string | null,
): Promise<Principal | null> {
  const token = bearerToken(request);
  if (token !== null) return identifyToken(auth, token);
  const dashboard = request.cookies[DASHBOARD_COOKIE];
  if (dashboard !== undefined && (await auth.tokens.verifyDashboard(dashboard))) {
    return { kind: 'operator', via: 'dashboard_cookie' };
  }
  return identifyViewerCookie(auth, request, sessionId);
}

async function identifyToken(auth: Auth, token: string): Promise<Principal | null> {
  if (sameSecret(token, auth.apiToken)) return { kind: 'operator', via: 'api_token' };
  const grant = await auth.tokens.verifyViewer(token);
  if (grant === null) return null;
  return { kind: 'viewer', sessionId: grant.sessionId, mode: grant.mode, via: 'viewer_token' };
}

/** The cookie of the session in question comes first; any other proves a viewer all the same. */
async function identifyViewerCookie(
  auth: Auth,
  request: FastifyRequest,
  sessionId: string | null,
): Promise<Principal | null> {
  const names = Object.keys(request.cookies).filter(isViewerCookie);
  const preferred = sessionId === null ? null : viewerCookie(sessionId);
  names.sort((left, right) => Number(right === preferred) - Number(left === preferred));
  for (const name of names) {
    const grant = await auth.tokens.verifyViewer(request.cookies[name] ?? '');
    if (grant !== null && name === viewerCookie(grant.sessionId)) {
      return { kind: 'viewer', sessionId: grant.sessionId, mode: grant.mode, via: 'viewer_cookie' };
    }
  }
  return null;
}

function requireScope(principal: Principal, access: Access, sessionId: string | null): void {
  if (principal.kind === 'sign_in_code') return;
  if (principal.kind === 'operator') {
    if (access === 'api_token' && principal.via !== 'api_token') throw forbidden('this needs the API token');
    return;
  }
  if (access === 'viewer') return;
  if (access !== 'session' && access !== 'session_control') {
    throw forbidden('a viewer token does not reach this');
  }
  if (principal.sessionId !== sessionId) throw forbidden('this viewer token is for another session');
  if (access === 'session_control' && principal.mode !== 'control') {
    throw forbidden('this viewer token is for watching only');
  }
}

/** Cookies travel by themselves, so what they may do must come from our own pages. */
function requireOrigin(auth: Auth, principal: Principal, request: FastifyRequest): void {
  const upgrade = isWebSocket(request);
  const write = request.method !== 'GET' && request.method !== 'HEAD';
  const { origin } = request.headers;
  if (usesCookie(principal) && (upgrade || write)) {
    if (!isOwnOrigin(auth, request, origin)) throw foreignOrigin(origin);
  } else if (upgrade && origin !== undefined && !isOwnOrigin(auth, request, origin)) {
    throw foreignOrigin(origin);
  }
}

function isOwnOrigin(auth: Auth, request: FastifyRequest, origin: string | undefined): boolean {
  if (origin === undefined) return false;
  return origin === auth.publicOrigin || origin === `${request.protocol}://${request.host}`;
}

function bearerToken(request: FastifyRequest): string | null {
  const header = request.headers.authorization;
  if (header !== undefined) return /^Bearer +(\S+)$/i.exec(header)?.[1] ?? '';
  if (!isWebSocket(request)) return null;
  const protocols = request.headers['sec-websocket-protocol']?.split(',').map((text) => text.trim()) ?? [];
  const carrier = protocols.find((protocol) => protocol.startsWith(WEBSOCKET_TOKEN_PREFIX));
  return carrier?.slice(WEBSOCKET_TOKEN_PREFIX.length) ?? null;
}

function isWebSocket(request: FastifyRequest): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

function sessionOf(request: FastifyRequest): string | null {
  const { id } = (request.params ?? {}) as { id?: unknown };
  return typeof id === 'string' ? id.toLowerCase() : null;
}
