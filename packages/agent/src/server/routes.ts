import { timingSafeEqual } from 'node:crypto';
import {
  BrowserVmError,
  CLIPBOARD_IMAGE,
  clipboardImageSchema,
  clockRequestSchema,
  framebufferQuerySchema,
  identifyRequestSchema,
  prepareRequestSchema,
  rehearseRequestSchema,
  signInRequestSchema,
  toFault,
} from '@browser-vm/protocol';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { stream } from 'hono/streaming';
import { z } from 'zod';
import type { Service } from './service.ts';

/** Bytes; a request carries certificates at most, or an image. */
const MAX_BODY = 1_048_576;
const IMAGE_PATH = '/v1/clipboard/image';

const eventsQuerySchema = z.object({ after: z.coerce.number().int().nonnegative().default(0) });

/** The routes of the contract in protocol/agent.ts. */
export function routes(agent: Service): Hono {
  const app = new Hono();

  app.onError((error, context) => {
    const status = error instanceof BrowserVmError ? error.status : 500;
    return context.json(toFault(error, 'agent'), status as 500);
  });
  app.notFound((context) =>
    context.json({ code: 'unknown_route', message: `no route ${context.req.path}`, hop: 'request' }, 404),
  );

  const [limit, imageLimit] = [limitedTo(MAX_BODY), limitedTo(CLIPBOARD_IMAGE.maxBytes)];
  app.use((context, next) => (context.req.path === IMAGE_PATH ? imageLimit : limit)(context, next));
  app.use(async (context, next) => {
    if (!mayEnter(agent.token, context.req.header('authorization'))) {
      throw new BrowserVmError(
        { code: 'unauthenticated', message: 'the agent needs the token of this VM', hop: 'authentication' },
        { status: 401 },
      );
    }
    await next();
  });

  app.get('/v1/health', (context) => context.json(agent.health()));
  app.get('/v1/events', (context) => {
    const { after } = read(eventsQuerySchema, context.req.query());
    context.header('content-type', 'application/x-ndjson');
    return stream(context, async (output) => {
      const ended = new AbortController();
      output.onAbort(() => ended.abort());
      for await (const event of agent.events.follow(after, ended.signal)) {
        await output.write(`${JSON.stringify(event)}\n`);
      }
    });
  });
  app.post('/v1/prepare', async (context) => {
    agent.prepare(read(prepareRequestSchema, await body(context.req.raw)));
    return context.json(agent.health(), 202);
  });
  app.post('/v1/rehearse', async (context) => {
    agent.rehearse(read(rehearseRequestSchema, await body(context.req.raw)));
    return context.json(agent.health());
  });
  app.get('/v1/framebuffer', (context) =>
    context.json(agent.framebuffer(read(framebufferQuerySchema, context.req.query()))),
  );
  app.post('/v1/identify', async (context) =>
    context.json(await agent.identify(read(identifyRequestSchema, await body(context.req.raw)))),
  );
  app.post('/v1/clock', async (context) =>
    context.json(agent.setClock(read(clockRequestSchema, await body(context.req.raw)))),
  );
  app.post('/v1/sign-in', async (context) => {
    agent.signIn(read(signInRequestSchema, await body(context.req.raw)));
    return context.json(agent.health(), 202);
  });
  app.get('/v1/credential', (context) => {
    context.header('cache-control', 'no-store');
    return context.json(agent.credential());
  });
  app.get(IMAGE_PATH, async (context) => {
    const png = await agent.clipboardImage();
    if (png === null) return context.body(null, 204);
    return context.body(new Uint8Array(png), 200, { 'content-type': CLIPBOARD_IMAGE.type });
  });
  app.put(IMAGE_PATH, async (context) => {
    const png = new Uint8Array(await context.req.raw.arrayBuffer());
    await agent.setClipboardImage(read(clipboardImageSchema, png));
    return context.body(null, 204);
  });
  return app;
}

/** Refuses longer bodies. Bytes. */
function limitedTo(maxSize: number) {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new BrowserVmError(
        { code: 'body_too_large', message: `a body has ${maxSize} bytes at most`, hop: 'request' },
        { status: 413 },
      );
    },
  });
}

function mayEnter(token: string | null, header: string | undefined): boolean {
  if (token === null) return true;
  const expected = Buffer.from(`Bearer ${token}`);
  const given = Buffer.from(header ?? '');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

async function body(request: Request): Promise<unknown> {
  try {
    return await request.json();
  } catch (error) {
    throw new BrowserVmError(
      { code: 'invalid_request', message: 'the body is not JSON', hop: 'request' },
      { status: 400, cause: error },
    );
  }
}

function read<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new BrowserVmError(
    { code: 'invalid_request', message: z.prettifyError(result.error).replaceAll('\n', ' '), hop: 'request' },
    { status: 400 },
  );
}
