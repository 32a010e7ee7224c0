import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { loadConfiguration } from '@browser-vm/controller';
import { BrowserVmError, faultSchema } from '@browser-vm/protocol';
import type { z } from 'zod';

/** The controller of this machine, asked as its operator. */
export interface ApiClient {
  request<Schema extends z.ZodType>(
    method: string,
    route: string,
    schema: Schema,
    body?: unknown,
  ): Promise<z.infer<Schema>>;
}

/** Finds address and API token the way the controller itself does. */
export async function connectApi(): Promise<ApiClient> {
  const configuration = await loadConfiguration();
  const origin =
    configuration.BROWSER_VM_PUBLIC_URL ??
    `http://${configuration.BROWSER_VM_HOST}:${configuration.BROWSER_VM_PORT}`;
  const token = configuration.BROWSER_VM_API_TOKEN ?? (await readToken(configuration.BROWSER_VM_STATE_DIR));
  return {
    async request(method, route, schema, body) {
      const response = await fetch(new URL(route, origin), {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }).catch((cause) => {
        throw new BrowserVmError(
          {
            code: 'controller_unreachable',
            message: `no controller answers on ${origin}`,
            hop: 'request',
            remedy: 'start it with `npm start`, or set BROWSER_VM_PUBLIC_URL to where it runs',
          },
          { cause },
        );
      });
      const text = await response.text();
      const answer: unknown = text === '' ? undefined : JSON.parse(text);
      if (!response.ok) throw new BrowserVmError(faultSchema.parse(answer), { status: response.status });
      return schema.parse(answer);
    },
  };
}

async function readToken(stateDir: string): Promise<string> {
  const file = path.join(stateDir, 'secrets/api-token');
  const content = await readFile(file, 'utf8').catch((cause) => {
    throw new BrowserVmError(
      {
        code: 'api_token_unreadable',
        message: `the API token in ${file} cannot be read`,
        hop: 'authentication',
        remedy: 'run as the user the controller runs as, or set BROWSER_VM_API_TOKEN',
      },
      { cause },
    );
  });
  return content.trim();
}
