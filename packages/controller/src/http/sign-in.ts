import { signInLinkSchema } from '@browser-vm/protocol';
import { z } from 'zod';
import { cookieOptions, DASHBOARD_COOKIE, viewerCookie } from '../auth/cookies.ts';
import { forbidden } from '../auth/errors.ts';
import { DASHBOARD_COOKIE_SECONDS } from '../auth/tokens.ts';
import type { Context, Server } from './context.ts';
import { faultResponses } from './faults.ts';
import { sessionParamsSchema } from './sessions.ts';

export const DASHBOARD_HOME = '/dashboard/remote-cli';

/** Links and tokens become cookies here; see docs/security.md. */
export function signInRoutes(server: Server, { auth, origin }: Context): void {
  const secure = auth.publicOrigin?.startsWith('https:') ?? false;

  server.post(
    '/api/sign-in-links',
    {
      config: { access: 'api_token' },
      schema: {
        operationId: 'createSignInLink',
        summary: 'A link that opens the dashboard once, within 15 minutes',
        tags: ['sign-in'],
        response: { 201: signInLinkSchema, ...faultResponses },
      },
    },
    (_request, reply) => {
      const { code, expiresAt } = auth.signInCodes.mint();
      reply.code(201).header('cache-control', 'no-store');
      return { url: signInLink(origin(), code), expiresAt: expiresAt.toISOString() };
    },
  );

  server.get(
    '/dashboard/sign-in',
    {
      config: { access: 'sign_in_code' },
      schema: {
        operationId: 'signIn',
        summary: 'What a sign-in link opens: sets the cookie of the dashboard and goes there',
        tags: ['sign-in'],
        security: [],
        querystring: z.object({ code: z.string() }),
        response: { 303: z.undefined().describe('signed in'), ...faultResponses },
      },
    },
    async (_request, reply) => {
      const expires = new Date(Date.now() + DASHBOARD_COOKIE_SECONDS * 1000);
      return reply
        .setCookie(DASHBOARD_COOKIE, await auth.tokens.issueDashboard(), cookieOptions(secure, expires))
        .header('cache-control', 'no-store')
        .redirect(DASHBOARD_HOME, 303);
    },
  );

  server.post(
    '/api/auth/session/:id/viewer-cookie',
    {
      config: { access: 'session' },
      schema: {
        operationId: 'createViewerCookie',
        summary: "Turns a viewer token into a cookie for that session's page",
        tags: ['sign-in'],
        params: sessionParamsSchema,
        response: { 204: z.undefined().describe('the cookie is set'), ...faultResponses },
      },
    },
    async (request, reply) => {
      const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
      const grant = await auth.tokens.verifyViewer(token);
      if (grant === null) throw forbidden('only a viewer token becomes a viewer cookie');
      return reply
        .setCookie(viewerCookie(grant.sessionId), token, cookieOptions(secure, grant.expiresAt))
        .header('cache-control', 'no-store')
        .code(204)
        .send();
    },
  );
}

export function signInLink(origin: string, code: string): string {
  return `${origin}/dashboard/sign-in?code=${code}`;
}
