import {
  answerSchema,
  candidateRequestSchema,
  iceServersResponseSchema,
  offerRequestSchema,
  viewerIdSchema,
} from '@browser-vm/protocol';
import { z } from 'zod';
import { modeOf } from '../auth/principal.ts';
import type { Context, Server } from './context.ts';
import { faultResponses } from './faults.ts';
import { sessionParamsSchema } from './sessions.ts';

export function webrtcRoutes(server: Server, { sessions, iceServers }: Context): void {
  server.get(
    '/api/webrtc/ice-servers',
    {
      config: { access: 'viewer' },
      schema: {
        operationId: 'listIceServers',
        summary: 'STUN and TURN servers for a viewer',
        description:
          'Credentials of BROWSER_VM_TURN_URLS are made for each answer, in the name of the session that a viewer is for, and end after BROWSER_VM_TURN_TTL_SECONDS. Ask again for each connection.',
        tags: ['webrtc'],
        response: { 200: iceServersResponseSchema, ...faultResponses },
      },
    },
    async ({ principal }, reply) => {
      void reply.header('cache-control', 'no-store');
      const name = principal?.kind === 'viewer' ? `viewer-${principal.sessionId}` : 'operator';
      return { iceServers: iceServers(name) };
    },
  );

  server.post(
    '/api/webrtc/session/:id/offer',
    {
      config: { access: 'session' },
      schema: {
        operationId: 'postOffer',
        summary: "A viewer's offer; the answer comes back, whether or not the VM runs yet",
        tags: ['webrtc'],
        params: sessionParamsSchema,
        body: offerRequestSchema,
        response: { 200: answerSchema, ...faultResponses },
      },
    },
    (request, reply) => {
      const left = new AbortController();
      reply.raw.once('close', () => left.abort());
      return sessions.offer(request.params.id, request.body, modeOf(request.principal), left.signal);
    },
  );

  server.get(
    '/api/webrtc/session/:id/answer',
    {
      config: { access: 'session' },
      schema: {
        operationId: 'getAnswer',
        summary: 'The answer to an offer made before',
        tags: ['webrtc'],
        params: sessionParamsSchema,
        querystring: z.object({ viewerId: viewerIdSchema }),
        response: { 200: answerSchema, ...faultResponses },
      },
    },
    (request) => sessions.answer(request.params.id, request.query.viewerId),
  );

  server.post(
    '/api/webrtc/session/:id/candidates',
    {
      config: { access: 'session' },
      schema: {
        operationId: 'postCandidate',
        summary: "A viewer's ICE candidate; may come before its offer",
        description: "The streamer's candidates arrive as `candidate` events of the session's event stream.",
        tags: ['webrtc'],
        params: sessionParamsSchema,
        body: candidateRequestSchema,
        response: { 204: z.undefined().describe('taken'), ...faultResponses },
      },
    },
    async (request, reply) => {
      await sessions.candidate(request.params.id, request.body);
      return reply.code(204).send();
    },
  );
}
