import { Readable } from 'node:stream';
import {
  EVENTS_HEARTBEAT_MS,
  isTerminal,
  type SessionWait,
  type ViewerCandidate,
} from '@browser-vm/protocol';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { SessionService } from '../sessions/service.ts';
import type { Context, Server } from './context.ts';
import { faultResponses } from './faults.ts';
import { sessionParamsSchema } from './sessions.ts';

/** Candidates waiting for a slow client; older ones give way. */
const MAX_WAITING_CANDIDATES = 256;

const DESCRIPTION = `Server-Sent Events, pushed until session and VM are gone.

- \`event: session\`: \`data\` is a SessionEvent and \`id\` its sequence. History comes first, after \`Last-Event-ID\` when that is sent.
- \`event: candidate\`: \`data\` is a ViewerCandidate, from the streamer to one viewer. Those already known are repeated on connecting.
- \`event: wait\`: \`data\` is a SessionPlace: what a session waits for that has not started, and how many come first. On connecting, and whenever that changes; never stored.
- \`event: heartbeat\`: every ${EVENTS_HEARTBEAT_MS / 1000} s while nothing else comes. Who hears nothing for longer has lost the connection and asks anew.

When nothing more can come, a new request answers 204, which makes an EventSource stop.`;

export function eventRoutes(server: Server, { sessions, closing }: Context): void {
  server.get(
    '/api/auth/session/:id/events',
    {
      config: { access: 'session' },
      schema: {
        operationId: 'watchSession',
        summary: 'A session as it happens',
        description: DESCRIPTION,
        tags: ['sessions'],
        params: sessionParamsSchema,
        headers: z.object({ 'last-event-id': z.coerce.number().int().nonnegative().optional() }),
        response: {
          200: { description: 'events', content: { 'text/event-stream': { schema: z.string() } } },
          204: z.undefined().describe('nothing more will come'),
          ...faultResponses,
        },
      },
    },
    async (request, reply) => {
      const { sessionId, status } = await sessions.store.get(request.params.id);
      const after = request.headers['last-event-id'] ?? 0;
      if (isTerminal(status) && !sessions.isLive(sessionId)) {
        const missed = await sessions.store.eventsAfter(sessionId, after);
        if (missed.length === 0) return reply.code(204).send();
      }
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const stop = AbortSignal.any([gone.signal, closing]);
      return sendEventStream(reply, Readable.from(follow(sessions, sessionId, after, stop)));
    },
  );
}

function sendEventStream(reply: FastifyReply, stream: Readable): FastifyReply {
  return reply
    .type('text/event-stream; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no')
    .send(stream);
}

async function* follow(
  sessions: SessionService,
  sessionId: string,
  after: number,
  stop: AbortSignal,
): AsyncGenerator<string> {
  let sent = after;
  let told: SessionWait | null | undefined;
  let waiting: ViewerCandidate[] = [];
  let hasNews = true;
  let isHeartbeatDue = false;
  let wake = Promise.withResolvers<void>();
  const onStop = (): void => wake.resolve();
  const unlisten = sessions.signals.listen(sessionId, {
    changed() {
      hasNews = true;
      wake.resolve();
    },
    moved: () => wake.resolve(),
    candidate(candidate) {
      waiting.push(candidate);
      if (waiting.length > MAX_WAITING_CANDIDATES) waiting.shift();
      wake.resolve();
    },
  });
  stop.addEventListener('abort', onStop);
  const heartbeat = setInterval(() => {
    isHeartbeatDue = true;
    wake.resolve();
  }, EVENTS_HEARTBEAT_MS);
  try {
    yield ': connected\n\n';
    waiting = [...sessions.knownCandidates(sessionId), ...waiting];
    while (!stop.aborted) {
      // Asked before reading: what comes later wakes the next round.
      const live = sessions.isLive(sessionId);
      let isQuiet = true;
      const wait = sessions.waits(sessionId);
      if (wait !== told) {
        told = wait;
        isQuiet = false;
        yield `event: wait\ndata: ${JSON.stringify({ wait })}\n\n`;
      }
      if (hasNews) {
        hasNews = false;
        for (const event of await sessions.store.eventsAfter(sessionId, sent)) {
          sent = event.sequence;
          isQuiet = false;
          yield `event: session\nid: ${sent}\ndata: ${JSON.stringify(event)}\n\n`;
        }
      }
      for (const candidate of waiting.splice(0)) {
        isQuiet = false;
        yield `event: candidate\ndata: ${JSON.stringify(candidate)}\n\n`;
      }
      if (!live || stop.aborted) return;
      if (isQuiet && isHeartbeatDue) yield 'event: heartbeat\ndata: {}\n\n';
      isHeartbeatDue = false;
      await wake.promise;
      wake = Promise.withResolvers();
    }
  } finally {
    clearInterval(heartbeat);
    stop.removeEventListener('abort', onStop);
    unlisten();
  }
}
