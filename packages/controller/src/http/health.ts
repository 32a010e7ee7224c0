import { healthSchema } from '@browser-vm/protocol';
import { VERSION } from '../version.ts';
import type { Server } from './context.ts';

export function healthRoutes(server: Server): void {
  server.get(
    '/health',
    {
      config: { access: 'public' },
      schema: {
        operationId: 'health',
        summary: 'Is the controller up',
        tags: ['controller'],
        security: [],
        response: { 200: healthSchema },
      },
    },
    () => ({ status: 'ok' as const, version: VERSION, uptimeSeconds: Math.round(process.uptime()) }),
  );
}
