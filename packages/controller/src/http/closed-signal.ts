import type { WebSocket } from '@fastify/websocket';

/** Aborted when it is closed, by whomever. */
export function closedSignal(socket: WebSocket): AbortSignal {
  const closed = new AbortController();
  socket.once('close', () => closed.abort());
  socket.once('error', () => socket.terminate());
  return closed.signal;
}
