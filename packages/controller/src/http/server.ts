import { VNC_PROTOCOLS } from '@browser-vm/protocol';
import fastifyCookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import fastifyWebsocket from '@fastify/websocket';
import Fastify, { type RouteOptions } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { authorize } from '../auth/guard.ts';
import { clipboardRoutes } from './clipboard.ts';
import type { Context, Server } from './context.ts';
import { credentialRoutes } from './credentials.ts';
import { dashboardRoutes } from './dashboard.ts';
import { eventRoutes } from './events.ts';
import { rateLimited, sendFault, unknownRoute } from './faults.ts';
import { healthRoutes } from './health.ts';
import { hostRoutes } from './host.ts';
import { describeApi, openApiRoute } from './openapi.ts';
import { providerRoutes } from './providers.ts';
import { securityHeaders } from './security-headers.ts';
import { sessionRoutes } from './sessions.ts';
import { signInRoutes } from './sign-in.ts';
import { vncRoutes } from './vnc.ts';
import { webrtcRoutes } from './webrtc.ts';

/** Largest request body, in bytes: an SDP of 64 KiB as JSON, with room. */
const BODY_LIMIT = 256 * 1024;
/** For a client to send its whole request. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Largest RFB message a viewer may send, in bytes: clipboard text of 1 MiB, with room. */
const MAX_VNC_FRAME = 2 * 1024 * 1024;

export interface ServerHooks {
  /** Told of each route as it is added. */
  readonly onRoute?: (route: RouteOptions) => void;
}

/** Everything the controller answers, ready to listen. */
export async function buildServer(context: Context, hooks: ServerHooks = {}): Promise<Server> {
  const server: Server = Fastify({
    loggerInstance: context.logger,
    trustProxy: context.configuration.BROWSER_VM_TRUST_PROXY,
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // A HEAD would redeem a sign-in code as a GET does.
    exposeHeadRoutes: false,
  });
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  server.setErrorHandler((error, request, reply) => sendFault(error, request, reply));
  server.setNotFoundHandler((request, reply) => sendFault(unknownRoute(request), request, reply));
  server.decorateRequest('principal', null);
  if (hooks.onRoute !== undefined) server.addHook('onRoute', hooks.onRoute);

  await server.register(helmet, securityHeaders(context.auth.publicOrigin));
  await server.register(fastifyCookie);
  await server.register(rateLimit, {
    global: false,
    max: context.configuration.RATE_LIMIT_MAX_REQUESTS,
    timeWindow: '1 minute',
  });
  await server.register(fastifyWebsocket, {
    options: {
      maxPayload: MAX_VNC_FRAME,
      // A token among the offered protocols is never chosen, so never sent back.
      handleProtocols: (protocols) =>
        [VNC_PROTOCOLS.control, VNC_PROTOCOLS.plain].find((name) => protocols.has(name)) ?? false,
    },
  });
  refuseStrangers(server, context);

  await describeApi(server);
  await server.register(async (scope) => {
    const routes: Server = scope.withTypeProvider();
    healthRoutes(routes);
    providerRoutes(routes);
    sessionRoutes(routes, context);
    eventRoutes(routes, context);
    webrtcRoutes(routes, context);
    vncRoutes(routes, context);
    clipboardRoutes(routes, context);
    credentialRoutes(routes, context);
    hostRoutes(routes, context);
    signInRoutes(routes, context);
    openApiRoute(routes);
    await dashboardRoutes(routes, context);
  });
  await server.ready();
  return server;
}

/** Before anything else, for every route and for what is none: not too often, and only who may. */
function refuseStrangers(server: Server, { auth }: Context): void {
  const checkRate = server.createRateLimit();
  server.addHook('onRequest', async (request) => {
    const limit = await checkRate(request);
    if (!limit.isAllowed && limit.isExceeded) throw rateLimited(limit.ttlInSeconds, limit.max);
    const access = request.routeOptions.config?.access ?? 'operator';
    if (access !== 'public') request.principal = await authorize(auth, access, request);
  });
}
