import { BrowserVmError } from '@browser-vm/protocol';
import { z } from 'zod';
import { modeOf } from '../auth/principal.ts';
import { bridge } from '../gateways/vnc/bridge.ts';
import { closeFor } from '../gateways/vnc/close-codes.ts';
import { ViewerFilter } from '../gateways/vnc/viewer-filter.ts';
import { closedSignal } from './closed-signal.ts';
import type { Context, Server } from './context.ts';
import { faultResponses } from './faults.ts';
import { sessionParamsSchema } from './sessions.ts';

const DESCRIPTION = `RFB over WebSocket, binary frames, subprotocol \`binary\`.

Of several viewers, by WebRTC or here, one is in control. Keys, pointer, clipboard and size of the others do not reach
the server, and no copied text comes to them. With the subprotocol \`control.browser-vm\` text frames are JSON: the gateway
says \`{"type":"control","holder":"you","mode":"control","viewers":2}\` (or \`other\`, or \`nobody\`) at first and whenever that changes, and
\`{"type":"take_control"}\` asks for control.

A page is let in by its cookie. A program sends \`authorization\`, or, where it cannot set headers, offers a second
subprotocol \`bearer.TOKEN\`, which is never echoed. A failure closes with a code and a reason that begins with the hop:
4410 the session is over, 4502 a hop failed, 1003 what was sent as text is none of the above, 1008 what was sent is no RFB, or of no extension that noVNC uses.

A viewer that may only watch is never in control. Where the clipboard is off, by \`BROWSER_VM_CLIPBOARD\` or for the session, no viewer's goes either way.`;

export function vncRoutes(server: Server, { sessions }: Context): void {
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
        const mode = modeOf(request.principal);
        const { viewer, clipboard, ended } = await sessions.openVnc(id, mode, closed);
        const filter = new ViewerFilter({ clipboard });
        if (closed.aborted) viewer.stream.destroy();
        else bridge(socket, viewer, ended, { mode, filter });
      } catch (error) {
        const { code, reason } = closeFor(error);
        request.log.warn({ err: error, sessionId: id, code }, 'a VNC connection was not made');
        socket.resume();
        socket.close(code, reason);
      }
    },
  });
}
