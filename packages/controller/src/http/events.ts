import { Readable } from 'node:stream';
import {
  EVENTS_HEARTBEAT_MS,
  isTerminal,
  SESSION_OVER_CODE,
  type SessionWait,
  type StreamedEvent,
  type ViewerCandidate,
} from '@browser-vm/protocol';
import type { WebSocket } from '@fastify/websocket';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { modeOf } from '../auth/principal.ts';
import { closeFor } from '../gateways/vnc/close-codes.ts';
import type { SessionService } from '../sessions/service.ts';
import { closedSignal } from './closed-signal.ts';
import type { Context, Server } from './context.ts';
import { faultResponses } from './faults.ts';
import { sessionParamsSchema } from './sessions.ts';

/** Candidates waiting for a slow client; older ones give way. */
const MAX_WAITING_CANDIDATES = 256;

/** RFC 6455: the server goes down. */
const GOING_AWAY = 1001;

const querySchema = z.object({
  after: z.coerce.number().int().nonnegative().optional().describe('as `Last-Event-ID`'),
});

const DESCRIPTION = `Server-Sent Events, pushed until session and VM are gone.

- \`event: session\`: \`data\` is a SessionEvent and \`id\` its sequence. History comes first, after \`Last-Event-ID\` when that is sent.
- \`event: candidate\`: \`data\` is a ViewerCandidate, from the streamer to one viewer. Those already known are repeated on connecting.
- \`event: wait\`: \`data\` is a SessionPlace: what a session waits for that has not started, and how many come first. On connecting, and whenever that changes; never stored.
- \`event: clipboard\`: \`data\` is a SessionClipboard: whether an image was copied on the desktop, to who may act, whenever that changes.
- \`event: heartbeat\`: every ${EVENTS_HEARTBEAT_MS / 1000} s while nothing else comes. Who hears nothing for longer has lost the connection and asks anew.

When nothing more can come, a new request answers 204, which makes an EventSource stop.

The same by WebSocket, of which a browser keeps more than six to one place: text frames of \`{"event":"session","id":1,"data":{}}\`, after the sequence \`after\`, closed with ${SESSION_OVER_CODE} when nothing more can come. Who may is as for noVNC.`;

export function eventRoutes(server: Server, { sessions, closing }: Context): void {
  server.route({
    method: 'GET',
    url: '/api/auth/session/:id/events',
    config: { access: 'session' },
    schema: {
      operationId: 'watchSession',
      summary: 'A session as it happens',
      description: DESCRIPTION,
      tags: ['sessions'],
      params: sessionParamsSchema,
      querystring: querySchema,
      headers: z.object({ 'last-event-id': z.coerce.number().int().nonnegative().optional() }),
      response: {
        200: { description: 'events', content: { 'text/event-stream': { schema: z.string() } } },
        204: z.undefined().describe('nothing more will come'),
        ...faultResponses,
      },
    },
    handler: async (request, reply) => {
      const { sessionId, status } = await sessions.store.get(request.params.id);
      const after = request.headers['last-event-id'] ?? request.query.after ?? 0;
      if (isTerminal(status) && !sessions.isLive(sessionId)) {
        const missed = await sessions.store.eventsAfter(sessionId, after);
        if (missed.length === 0) return reply.code(204).send();
      }
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const stop = AbortSignal.any([gone.signal, closing]);
      const events = follow(sessions, sessionId, { after, stop, mayAct: mayAct(request) });
      return sendEventStream(reply, Readable.from(asEventStream(events)));
    },
    wsHandler: async (socket, request) => {
      const { id } = request.params as z.infer<typeof sessionParamsSchema>;
      const { after = 0 } = request.query as z.infer<typeof querySchema>;
      const stop = AbortSignal.any([closedSignal(socket), closing]);
      const options = { after, stop, mayAct: mayAct(request) };
      try {
        const { sessionId } = await sessions.store.get(id);
        for await (const event of follow(sessions, sessionId, options)) await say(socket, event);
        socket.close(closing.aborted ? GOING_AWAY : SESSION_OVER_CODE);
      } catch (error) {
        const { code, reason } = closeFor(error);
        socket.close(code, reason);
      }
    },
  });
}

function mayAct({ principal }: FastifyRequest): boolean {
  return modeOf(principal) === 'control';
}

function sendEventStream(reply: FastifyReply, stream: Readable): FastifyReply {
  return reply
    .type('text/event-stream; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('x-accel-buffering', 'no')
    .send(stream);
}

async function* asEventStream(events: AsyncIterable<StreamedEvent>): AsyncGenerator<string> {
  yield ': connected\n\n';
  for await (const { event, id, data } of events) {
    yield `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
  }
}

/** Resolves when it is out, so that a slow client holds back what it is told. */
async function say(socket: WebSocket, event: StreamedEvent): Promise<void> {
  if (socket.readyState !== socket.OPEN) return;
  await new Promise<void>((resolve) => socket.send(JSON.stringify(event), () => resolve()));
}

async function* follow(
  sessions: SessionService,
  sessionId: string,
  { after, stop, mayAct }: { after: number; stop: AbortSignal; mayAct: boolean },
): AsyncGenerator<StreamedEvent> {
  let sent = after;
  let told: SessionWait | null | undefined;
  let hadImage: boolean | undefined = mayAct ? undefined : false;
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
    waiting = [...sessions.knownCandidates(sessionId), ...waiting];
    while (!stop.aborted) {
      // Asked before reading: what comes later wakes the next round.
      const live = sessions.isLive(sessionId);
      let isQuiet = true;
      const wait = sessions.waits(sessionId);
      if (wait !== told) {
        told = wait;
        isQuiet = false;
        yield { event: 'wait', data: { wait } };
      }
      const hasImage = mayAct && sessions.hasImage(sessionId);
      if (hasImage !== hadImage) {
        hadImage = hasImage;
        isQuiet = false;
        yield { event: 'clipboard', data: { hasImage } };
      }
      if (hasNews) {
        hasNews = false;
        for (const event of await sessions.store.eventsAfter(sessionId, sent)) {
          sent = event.sequence;
          isQuiet = false;
          yield { event: 'session', id: sent, data: event };
        }
      }
      for (const candidate of waiting.splice(0)) {
        isQuiet = false;
        yield { event: 'candidate', data: candidate };
      }
      if (!live || stop.aborted) return;
      if (isQuiet && isHeartbeatDue) yield { event: 'heartbeat', data: {} };
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
