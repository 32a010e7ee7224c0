import { credentialsResponseSchema, userIdSchema } from '@browser-vm/protocol';
import { z } from 'zod';
import { deleteCredential, listCredentials } from '../vault/credentials.ts';
import type { Context, Server } from './context.ts';
import { faultResponses } from './faults.ts';

export function credentialRoutes(server: Server, { queries }: Context): void {
  server.get(
    '/api/credentials',
    {
      schema: {
        operationId: 'listCredentials',
        summary: "What a user's vault holds, never its content",
        tags: ['credentials'],
        querystring: z.object({ userId: userIdSchema }),
        response: { 200: credentialsResponseSchema, ...faultResponses },
      },
    },
    async (request) => ({ credentials: await listCredentials(queries, request.query.userId) }),
  );

  server.delete(
    '/api/credentials/:id',
    {
      schema: {
        operationId: 'deleteCredential',
        summary: 'Forget a credential',
        tags: ['credentials'],
        params: z.object({ id: z.uuid() }),
        response: { 204: z.undefined().describe('forgotten'), ...faultResponses },
      },
    },
    async (request, reply) => {
      await deleteCredential(queries, request.params.id);
      return reply.code(204).send();
    },
  );
}
