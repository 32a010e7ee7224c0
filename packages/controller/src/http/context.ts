import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Configuration, Host } from '@browser-vm/protocol';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Auth } from '../auth/guard.ts';
import type { Access, Principal } from '../auth/principal.ts';
import type { Queries } from '../database/database.ts';
import type { SessionService } from '../sessions/service.ts';
import type { IceServersFor } from '../signaling/ice-servers.ts';

/** What the routes stand on. */
export interface Context {
  readonly configuration: Configuration;
  readonly auth: Auth;
  readonly iceServers: IceServersFor;
  readonly sessions: SessionService;
  readonly queries: Queries;
  readonly host: Host;
  readonly logger: FastifyBaseLogger;
  /** Folder of the built dashboard. */
  readonly dashboardDirectory: string;
  /** Origin that links for people begin with. */
  readonly origin: () => string;
  /** Aborted when the server is about to close: what streams for hours ends. */
  readonly closing: AbortSignal;
}

export type Server = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Absent: operators only. */
    access?: Access;
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}
