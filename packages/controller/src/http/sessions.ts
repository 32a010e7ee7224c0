import {
  sessionIdSchema,
  sessionResponseSchema,
  sessionsResponseSchema,
  startRequestSchema,
  startResponseSchema,
  userIdSchema,
  viewerReportSchema,
} from '@browser-vm/protocol';
import { z } from 'zod';
import type { Context, Server } from './context.ts';
import { faultResponses } from './faults.ts';

export const sessionParamsSchema = z.object({ id: sessionIdSchema });

export function sessionRoutes(server: Server, { auth, sessions, configuration, origin }: Context): void {
  server.post(
    '/api/auth/start',
    {
      schema: {
        operationId: 'startSession',
        summary: 'Start a sign-in: a VM, and what a viewer needs to see it',
        tags: ['sessions'],
        body: startRequestSchema,
        response: { 201: startResponseSchema, ...faultResponses },
      },
    },
    async (request, reply) => {
      const session = await sessions.start(request.body);
      const { sessionId, status } = session;
      // Whole seconds, as a JWT has them.
      const expiry = Math.floor(Date.now() / 1000) + configuration.BROWSER_VM_VIEWER_TOKEN_TTL_SECONDS;
      const expiresAt = new Date(expiry * 1000);
      const viewerToken = await auth.tokens.issueViewer(sessionId, expiresAt);
      const viewerUrl = `${origin()}/dashboard/remote-cli/auth?session=${sessionId}#token=${viewerToken}`;
      reply.code(201);
      return { sessionId, status, viewerUrl, viewerToken, viewerTokenExpiresAt: expiresAt.toISOString() };
    },
  );

  server.get(
    '/api/auth/sessions',
    {
      schema: {
        operationId: 'listSessions',
        summary: "A user's sessions, the newest first",
        tags: ['sessions'],
        querystring: z.object({ userId: userIdSchema }),
        response: { 200: sessionsResponseSchema, ...faultResponses },
      },
    },
    async (request) => ({ sessions: await sessions.store.list(request.query.userId) }),
  );

  server.get(
    '/api/auth/session/:id',
    {
      config: { access: 'session' },
      schema: {
        operationId: 'getSession',
        summary: 'A session as it is now',
        tags: ['sessions'],
        params: sessionParamsSchema,
        response: { 200: sessionResponseSchema, ...faultResponses },
      },
    },
    (request) => sessions.store.get(request.params.id),
  );

  server.post(
    '/api/auth/session/:id/cancel',
    {
      config: { access: 'session' },
      schema: {
        operationId: 'cancelSession',
        summary: 'End a session; its VM goes',
        tags: ['sessions'],
        params: sessionParamsSchema,
        response: { 200: sessionResponseSchema, ...faultResponses },
      },
    },
    (request) => sessions.cancel(request.params.id),
  );

  server.post(
    '/api/auth/session/:id/viewer-report',
    {
      config: { access: 'session' },
      schema: {
        operationId: 'reportFromViewer',
        summary: 'What only a viewer can see',
        tags: ['sessions'],
        params: sessionParamsSchema,
        body: viewerReportSchema,
        response: { 204: z.undefined().describe('recorded'), ...faultResponses },
      },
    },
    async (request, reply) => {
      await sessions.viewerReported(request.params.id, request.body.stage);
      return reply.code(204).send();
    },
  );
}
