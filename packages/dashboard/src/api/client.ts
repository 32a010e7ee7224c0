import { type CredentialSummary, type Fault, faultSchema, type Session } from '@browser-vm/protocol';
import createClient from 'openapi-fetch';
import type { components, paths } from '../generated/openapi.d.ts';

export type Provider = components['schemas']['Provider'];
export type HostReport = components['schemas']['HostReport'];
export type ViewerResponse = components['schemas']['ViewerResponse'];
export type StartResponse = components['schemas']['StartResponse'];

/** A request that failed, as the controller explained it. */
export class ApiError extends Error {
  readonly fault: Fault;
  /** HTTP status; 0 when no answer came. */
  readonly status: number;

  constructor(status: number, fault: Fault) {
    super(fault.message);
    this.name = 'ApiError';
    this.status = status;
    this.fault = fault;
  }
}

const client = createClient<paths>({ baseUrl: '/', credentials: 'same-origin' });

/** The controller's API. Every method rejects with an `ApiError`; aborting rejects with the abort's reason. */
export const api = {
  async providers(signal?: AbortSignal): Promise<readonly Provider[]> {
    return (await answer(client.GET('/api/providers', { ...abortable(signal) }))).providers;
  },
  async credentials(userId: string, signal?: AbortSignal): Promise<readonly CredentialSummary[]> {
    const request = client.GET('/api/credentials', { params: { query: { userId } }, ...abortable(signal) });
    return (await answer(request)).credentials;
  },
  async sessions(userId: string, signal?: AbortSignal): Promise<readonly Session[]> {
    const request = client.GET('/api/auth/sessions', { params: { query: { userId } }, ...abortable(signal) });
    return (await answer(request)).sessions;
  },
  host(signal?: AbortSignal): Promise<HostReport> {
    return answer(client.GET('/api/host', { ...abortable(signal) }));
  },
  start(userId: string, provider: string): Promise<StartResponse> {
    return answer(client.POST('/api/auth/start', { body: { userId, provider } }));
  },
  session(id: string, signal?: AbortSignal): Promise<Session> {
    return answer(client.GET('/api/auth/session/{id}', { params: { path: { id } }, ...abortable(signal) }));
  },
  /** A link for somebody who may only watch. */
  invite(id: string): Promise<ViewerResponse> {
    const request = { params: { path: { id } }, body: { mode: 'view' as const } };
    return answer(client.POST('/api/auth/session/{id}/viewers', request));
  },
  cancel(id: string): Promise<Session> {
    return answer(client.POST('/api/auth/session/{id}/cancel', { params: { path: { id } } }));
  },
};

/** Any thrown value as something to show. */
export function toFault(error: unknown): Fault {
  if (error instanceof ApiError) return error.fault;
  return {
    code: 'unexpected',
    message: error instanceof Error ? error.message : String(error),
    hop: 'request',
  };
}

function abortable(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

async function answer<Data>(
  request: Promise<{ data?: Data; error?: unknown; response: Response }>,
): Promise<Data> {
  const result = await request.catch((error: unknown) => {
    if (error instanceof TypeError) throw new ApiError(0, unreachable());
    throw error;
  });
  if (result.response.ok && result.data !== undefined) return result.data;
  const fault = faultSchema.safeParse(result.error);
  throw new ApiError(
    result.response.status,
    fault.success ? fault.data : unexplained(result.response.status),
  );
}

function unreachable(): Fault {
  return {
    code: 'controller_unreachable',
    message: 'The controller does not answer',
    hop: 'request',
    remedy: 'Check that it runs and that this computer is online, then try again.',
  };
}

function unexplained(status: number): Fault {
  return { code: 'http_error', message: `The controller answered with status ${status}`, hop: 'request' };
}
