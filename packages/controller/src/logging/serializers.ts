import { BrowserVmError } from '@browser-vm/protocol';
import { DrizzleQueryError } from 'drizzle-orm';

/** The query of an address may hold a sign-in code, so only its path is written. */
export function requestForLog(request: { method: string; url: string; ip?: string }): object {
  return { method: request.method, path: request.url.split('?')[0], from: request.ip };
}

/** What went wrong and where. Values of a failed query are left out: they may be anything. */
export function errorForLog(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const query = error instanceof DrizzleQueryError;
  return {
    type: error.name,
    message: query ? `failed query: ${error.query}` : error.message,
    stack: query ? undefined : error.stack,
    ...(error instanceof BrowserVmError ? { fault: error.fault } : {}),
    ...('code' in error && !(error instanceof BrowserVmError) ? { code: error.code } : {}),
    ...(error.cause === undefined ? {} : { cause: errorForLog(error.cause) }),
  };
}
