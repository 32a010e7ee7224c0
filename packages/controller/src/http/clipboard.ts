import { BrowserVmError, CLIPBOARD_IMAGE, clipboardImageSchema } from '@browser-vm/protocol';
import { validatorCompiler } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Context, Server } from './context.ts';
import { faultResponses } from './faults.ts';
import { sessionParamsSchema } from './sessions.ts';

const PATH = '/api/auth/session/:id/clipboard/image';
const png = z
  .string()
  .meta({ format: 'binary' })
  .describe(`a PNG of at most ${CLIPBOARD_IMAGE.maxBytes} bytes`);

/** Text goes with the stream; images, which RFB's clipboard has no place for, go this way. */
export function clipboardRoutes(server: Server, { sessions }: Context): void {
  server.addContentTypeParser(
    CLIPBOARD_IMAGE.type,
    { parseAs: 'buffer', bodyLimit: CLIPBOARD_IMAGE.maxBytes },
    (_request, body, done) => done(null, body),
  );

  server.get(
    PATH,
    {
      config: { access: 'session_control' },
      schema: {
        operationId: 'getClipboardImage',
        summary: 'The image that was copied on the desktop',
        tags: ['sessions'],
        params: sessionParamsSchema,
        response: {
          200: { description: 'a PNG', content: { [CLIPBOARD_IMAGE.type]: { schema: png } } },
          204: z.undefined().describe('the clipboard has no image'),
          ...faultResponses,
        },
      },
    },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store');
      const image = await sessions.clipboardImage(request.params.id);
      if (image === null) return reply.code(204).send();
      return reply.type(CLIPBOARD_IMAGE.type).send(Buffer.from(image) as never);
    },
  );

  server.put(
    PATH,
    {
      config: { access: 'session_control' },
      bodyLimit: CLIPBOARD_IMAGE.maxBytes,
      schema: {
        operationId: 'putClipboardImage',
        summary: "Put an image on the desktop's clipboard",
        tags: ['sessions'],
        consumes: [CLIPBOARD_IMAGE.type],
        params: sessionParamsSchema,
        body: png,
        response: { 204: z.undefined().describe('it is there'), ...faultResponses },
      },
      // A body that is no JSON is looked at below.
      validatorCompiler: (route) =>
        route.httpPart === 'body' ? (value: unknown) => ({ value }) : validatorCompiler(route as never),
    },
    async (request, reply) => {
      const image = clipboardImageSchema.safeParse(request.body);
      if (!image.success) throw notAnImage(image.error.issues[0]?.message);
      await sessions.setClipboardImage(request.params.id, image.data);
      return reply.code(204).send();
    },
  );
}

function notAnImage(reason = 'it is no PNG'): BrowserVmError {
  return new BrowserVmError({ code: 'invalid_image', message: reason, hop: 'request' }, { status: 400 });
}
