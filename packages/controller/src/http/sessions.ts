import {
  sessionIdSchema,
  sessionResponseSchema,
  sessionsResponseSchema,
  startRequestSchema,
  startResponseSchema,
  userIdSchema,
  type ViewerMode,
  viewerReportSchema,
  viewerRequestSchema,
  viewerResponseSchema,
  viewerSchema,
} from '@browser-vm/protocol';
import { z } from 'zod';
import { modeOf } from '../auth/principal.ts';
import type { Context, Server } from './context.ts';
import { faultResponses } from './faults.ts';

export const sessionParamsSchema = z.object({ id: sessionIdSchema });

export function sessionRoutes(server: Server, { auth, sessions, configuration, origin }: Context): void {
  const letIn = async (sessionId: string, mode: ViewerMode) => {
    // Whole seconds, as a JWT has them.
    const expiry = Math.floor(Date.now() / 1000) + configuration.BROWSER_VM_VIEWER_TOKEN_TTL_SECONDS;
    const expiresAt = new Date(expiry * 1000);
    const viewerToken = await auth.tokens.issueViewer(sessionId, mode, expiresAt);
    const viewerUrl = `${origin()}/dashboard/remote-cli/auth?session=${sessionId}#token=${viewerToken}`;
    return { viewerUrl, viewerToken, viewerTokenExpiresAt: expiresAt.toISOString() };
  };

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
      reply.code(201);
      return { sessionId, status, ...(await letIn(sessionId, 'control')) };
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
      config: { access: 'session_control' },
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
    '/api/auth/session/:id/viewers',
    {
      schema: {
        operationId: 'createViewer',
        summary: 'A token and a link for one more viewer, which may act or only watch',
        tags: ['sessions'],
        params: sessionParamsSchema,
        body: viewerRequestSchema,
        response: { 201: viewerResponseSchema, ...faultResponses },
      },
    },
    async (request, reply) => {
      const { sessionId } = await sessions.store.get(request.params.id);
      const { mode } = request.body;
      reply.code(201);
      return { sessionId, mode, ...(await letIn(sessionId, mode)) };
    },
  );

  server.get(
    '/api/auth/session/:id/viewer',
    {
      config: { access: 'session' },
      schema: {
        operationId: 'getViewer',
        summary: 'What whoever asks may do in this session',
        tags: ['sessions'],
        params: sessionParamsSchema,
        response: { 200: viewerSchema, ...faultResponses },
      },
    },
    async (request) => {
      await sessions.store.get(request.params.id);
      return { mode: modeOf(request.principal) };
    },
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
