import { PROVIDERS, providersResponseSchema } from '@browser-vm/protocol';
import type { Server } from './context.ts';
import { faultResponses } from './faults.ts';

export function providerRoutes(server: Server): void {
  server.get(
    '/api/providers',
    {
      schema: {
        operationId: 'listProviders',
        summary: 'The tools one can sign in to',
        tags: ['providers'],
        response: { 200: providersResponseSchema, ...faultResponses },
      },
    },
    () => ({
      providers: [...PROVIDERS.values()].map(({ id, name, tool, package: { version } }) => ({
        id,
        name,
        tool,
        version,
      })),
    }),
  );
}
