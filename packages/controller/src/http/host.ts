import { hostResponseSchema } from '@browser-vm/protocol';
import type { Context, Server } from './context.ts';
import { faultResponses } from './faults.ts';

export function hostRoutes(server: Server, { host }: Context): void {
  server.get(
    '/api/host',
    {
      schema: {
        operationId: 'getHost',
        summary: 'What runs on the host, and whether it can run more',
        tags: ['host'],
        response: { 200: hostResponseSchema, ...faultResponses },
      },
    },
    async () => {
      const [usage, checks] = await Promise.all([host.usage(), host.doctor()]);
      return { usage, checks: [...checks] };
    },
  );
}
