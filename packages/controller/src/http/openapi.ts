import fastifySwagger from '@fastify/swagger';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { VERSION } from '../version.ts';
import type { Server } from './context.ts';
import { reachableSchemas } from './openapi-prune.ts';

/** What the event stream carries, which OpenAPI cannot say in a response. */
const STREAMED = ['SessionClipboard', 'SessionEvent', 'SessionPlace', 'ViewerCandidate'];

/** Describes every route registered after it; generated from the same schemas that validate. */
export async function describeApi(server: Server): Promise<void> {
  await server.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Browser VM',
        description: 'Sign-ins of command-line tools in throw-away browser VMs.',
        version: VERSION,
      },
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description: 'API token, or viewer token of one session',
          },
          dashboard: { type: 'apiKey', in: 'cookie', name: 'browser_vm_dashboard' },
        },
      },
      security: [{ bearer: [] }, { dashboard: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: (document) => {
      const whole = jsonSchemaTransformObject(document);
      const { components, paths } = whole as { components?: { schemas?: object }; paths?: unknown };
      const schemas = reachableSchemas(paths, { ...components?.schemas }, STREAMED);
      return { ...whole, components: { ...components, schemas } } as typeof whole;
    },
  });
}

export function openApiRoute(server: Server): void {
  server.get('/api/openapi.json', { schema: { hide: true } }, () => server.swagger());
}
