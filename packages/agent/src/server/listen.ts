import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';

/** Milliseconds for open responses when the agent ends. */
const GRACE = 1000;

export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves `app` to connections from `allowedPeer` and closes every other one unanswered: a page in the
 * guest's browser must not even learn that somebody is here.
 */
export async function listen(
  app: Hono,
  at: { address: string; port: number },
  allowedPeer: string,
  onRefused: (peer: string) => void,
): Promise<Listener> {
  const server: Server = createServer(getRequestListener(app.fetch));
  // The host keeps its connections for as long as it needs this guest, and asks for the time at each wake-up.
  server.keepAliveTimeout = 0;
  server.on('connection', (socket) => {
    if (socket.remoteAddress === allowedPeer) return;
    onRefused(socket.remoteAddress ?? 'unknown');
    socket.destroy();
  });
  let closing = false;
  server.on('request', (_request, response) => {
    response.once('close', () => {
      if (closing) setImmediate(() => server.closeIdleConnections());
    });
  });
  server.listen(at.port, at.address);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      closing = true;
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      // Event streams end by themselves now; whoever does not read theirs is not waited for.
      const timer = setTimeout(() => server.closeAllConnections(), GRACE);
      await closed;
      clearTimeout(timer);
    },
  };
}
