import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { BrowserVmError } from '@browser-vm/protocol';
import fastifyStatic from '@fastify/static';
import type { FastifyReply } from 'fastify';
import type { Context, Server } from './context.ts';
import { DASHBOARD_HOME } from './sign-in.ts';

const PAGES = [DASHBOARD_HOME, `${DASHBOARD_HOME}/auth`];

/** The built dashboard: pages answer with its one document, everything else is a file. */
export async function dashboardRoutes(server: Server, { dashboardDirectory }: Context): Promise<void> {
  await server.register(fastifyStatic, { root: dashboardDirectory, serve: false });

  const page = async (reply: FastifyReply) => {
    await requireBuilt(dashboardDirectory);
    return reply.header('cache-control', 'private, no-cache').sendFile('index.html', { cacheControl: false });
  };

  for (const path of PAGES) {
    server.get(path, { config: { access: 'viewer' }, schema: { hide: true } }, (_request, reply) =>
      page(reply),
    );
  }
  for (const path of ['/', '/dashboard', '/dashboard/']) {
    server.get(path, { config: { access: 'viewer' }, schema: { hide: true } }, (_request, reply) =>
      reply.redirect(DASHBOARD_HOME, 303),
    );
  }
  server.get(
    '/dashboard/*',
    { config: { access: 'viewer' }, schema: { hide: true } },
    async (request, reply) => {
      await requireBuilt(dashboardDirectory);
      const { '*': file } = request.params as { '*': string };
      return reply.header('cache-control', 'private, no-cache').sendFile(file, { cacheControl: false });
    },
  );
}

async function requireBuilt(directory: string): Promise<void> {
  await access(join(directory, 'index.html')).catch((cause: unknown) => {
    throw new BrowserVmError(
      {
        code: 'dashboard_not_built',
        message: `the dashboard is not built: ${directory} has no index.html`,
        hop: 'viewer',
        remedy: 'run npm start, which builds it',
      },
      { cause, status: 503 },
    );
  });
}
