import { STATUS_CODES } from 'node:http';
import { BrowserVmError, type Fault, faultSchema } from '@browser-vm/protocol';
import type { FastifyBaseLogger, FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { isNavigation, sendSignInPage } from './sign-in-page.ts';

/** Every route answers so when it fails. */
export const faultResponses = {
  '4xx': faultSchema.describe('what was wrong, where, and what to do'),
  '5xx': faultSchema.describe('what failed, where, and what to do'),
};

interface Failure {
  readonly status: number;
  readonly fault: Fault;
}

/** Answers with the Fault of any error; what nobody foresaw goes to the log and not to the client. */
export function sendFault(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, fault } = toFailure(error, request.log);
  const retryAfter = fault.details?.retryAfterSeconds;
  if (typeof retryAfter === 'number') reply.header('retry-after', Math.ceil(retryAfter));
  if (status === 401) {
    reply.header('www-authenticate', 'Bearer');
    if (isNavigation(request)) return sendSignInPage(reply);
  }
  return reply.code(status).type('application/json; charset=utf-8').serializer(JSON.stringify).send(fault);
}

function toFailure(error: unknown, log: FastifyBaseLogger): Failure {
  if (error instanceof BrowserVmError) {
    if (error.status >= 500) log.error({ err: error, fault: error.fault }, 'a request failed');
    return { status: error.status, fault: error.fault };
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const issues = error.validation.map(({ instancePath, message }) => ({
      path: instancePath,
      message: message ?? 'invalid',
    }));
    const place = `${error.validationContext ?? 'request'}${issues[0]?.path ?? ''}`;
    return {
      status: 400,
      fault: {
        code: 'invalid_request',
        message: `${place}: ${issues[0]?.message ?? 'invalid'}`,
        hop: 'request',
        details: { issues },
      },
    };
  }
  const { statusCode, code, message } = error as Partial<FastifyError>;
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return {
      status: statusCode,
      fault: { code: httpCode(code, statusCode), message: message ?? '', hop: 'request' },
    };
  }
  log.error({ err: error }, 'a request failed unexpectedly');
  return {
    status: 500,
    fault: {
      code: 'internal',
      message: 'an unexpected error; the log of the controller has it',
      hop: 'request',
    },
  };
}

function httpCode(code: string | undefined, status: number): string {
  const known = code?.startsWith('FST_ERR_') ? code.slice('FST_ERR_'.length) : STATUS_CODES[status];
  return (known ?? 'refused').toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');
}

export function unknownRoute(request: FastifyRequest): BrowserVmError {
  return new BrowserVmError(
    {
      code: 'unknown_route',
      message: `nothing answers ${request.method} ${request.url.split('?')[0]}`,
      hop: 'request',
      remedy: 'see /api/openapi.json',
    },
    { status: 404 },
  );
}

export function rateLimited(seconds: number, max: number): BrowserVmError {
  return new BrowserVmError(
    {
      code: 'rate_limited',
      message: `more than ${max} requests in a minute`,
      hop: 'request',
      remedy: 'wait, or raise RATE_LIMIT_MAX_REQUESTS',
      details: { retryAfterSeconds: seconds },
    },
    { status: 429 },
  );
}
