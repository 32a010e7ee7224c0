import { z } from 'zod';

/** Where on the way from a viewer to a credential a fault lies. */
export const HOPS = [
  'request',
  'authentication',
  'database',
  'vault',
  'host',
  'image',
  'template',
  'slot',
  'driver',
  'agent',
  'display',
  'browser',
  'resolver',
  'egress',
  'streamer',
  'viewer',
  'provider',
  'configuration',
] as const;
export const hopSchema = z.enum(HOPS);
export type Hop = z.infer<typeof hopSchema>;

/** What every failed HTTP request answers, and what a failed session keeps as its reason. */
export const faultSchema = z
  .object({
    code: z
      .string()
      .regex(/^[a-z][a-z0-9_]*$/)
      .describe('stable, for programs: `unknown_provider`'),
    message: z.string().describe('one line for people; names the thing'),
    hop: hopSchema,
    remedy: z.string().optional().describe('what to do next'),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: 'Fault' });
export type Fault = z.infer<typeof faultSchema>;

/** The one error class of the product: names the thing, the hop and the remedy. */
export class BrowserVmError extends Error {
  readonly fault: Fault;
  /** HTTP status to answer with when this reaches the API. */
  readonly status: number;

  constructor(fault: Fault, options: { cause?: unknown; status?: number } = {}) {
    super(fault.message, { cause: options.cause });
    this.name = 'BrowserVmError';
    this.fault = fault;
    this.status = options.status ?? 500;
  }

  get code(): string {
    return this.fault.code;
  }
}

/** Any thrown value as a fault; an unforeseen one keeps its message and is placed at `hop`. */
export function toFault(error: unknown, hop: Hop): Fault {
  if (error instanceof BrowserVmError) return error.fault;
  return { code: 'unexpected', message: error instanceof Error ? error.message : String(error), hop };
}
