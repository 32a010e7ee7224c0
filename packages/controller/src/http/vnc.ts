import { BrowserVmError } from '@browser-vm/protocol';
import type { WebSocket } from '@fastify/websocket';
import { z } from 'zod';
import { modeOf } from '../auth/principal.ts';
import { bridge } from '../gateways/vnc/bridge.ts';
import { closeFor } from '../gateways/vnc/close-codes.ts';
import { ViewerFilter } from '../gateways/vnc/viewer-filter.ts';
import type { Context, Server } from './context.ts';
import { faultResponses } from './faults.ts';
import { sessionParamsSchema } from './sessions.ts';

const DESCRIPTION = `RFB over WebSocket, binary frames, subprotocol \`binary\`.

A page is let in by its cookie. A program sends \`authorization\`, or, where it cannot set headers, offers a second
subprotocol \`bearer.TOKEN\`, which is never echoed. A failure closes with a code and a reason that begins with the hop:
4410 the session is over, 4502 a hop failed, 1003 text was sent, 1008 what a viewer that may only watch sent is no RFB.

Of a viewer that may only watch, keys, pointer, clipboard and size do not reach the server, and no copied text comes back. With \`BROWSER_VM_CLIPBOARD=false\` no viewer's clipboard goes either way.`;

export function vncRoutes(server: Server, { sessions, configuration }: Context): void {
  server.route({
    method: 'GET',
    url: '/api/vnc/session/:id',
    config: { access: 'session' },
    schema: {
      operationId: 'openVnc',
      summary: "The guest's VNC server",
      description: DESCRIPTION,
      tags: ['vnc'],
      params: sessionParamsSchema,
      response: { 101: z.undefined().describe('a WebSocket'), ...faultResponses },
    },
    handler: () => {
      throw new BrowserVmError(
        { code: 'upgrade_required', message: 'this route speaks WebSocket', hop: 'request' },
        { status: 426 },
      );
    },
    wsHandler: async (socket, request) => {
      const { id } = request.params as z.infer<typeof sessionParamsSchema>;
      const closed = closedSignal(socket);
      // Kept in the kernel until the guest's side is there.
      socket.pause();
      try {
        const { stream, ended } = await sessions.openVnc(id, closed);
        const mayAct = modeOf(request.principal) !== 'view';
        const mayAll = mayAct && configuration.BROWSER_VM_CLIPBOARD;
        if (closed.aborted) stream.destroy();
        else bridge(socket, stream, ended, mayAll ? null : new ViewerFilter({ mayAct }));
      } catch (error) {
        const { code, reason } = closeFor(error);
        request.log.warn({ err: error, sessionId: id, code }, 'a VNC connection was not made');
        socket.resume();
        socket.close(code, reason);
      }
    },
  });
}

function closedSignal(socket: WebSocket): AbortSignal {
  const closed = new AbortController();
  socket.once('close', () => closed.abort());
  socket.once('error', () => socket.terminate());
  return closed.signal;
}
