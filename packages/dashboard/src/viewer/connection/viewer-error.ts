import type { Fault } from '@browser-vm/protocol';

/** A fault as the viewer met it. */
export class ViewerError extends Error {
  readonly fault: Fault;

  constructor(fault: Fault, options: { cause?: unknown } = {}) {
    super(fault.message, options);
    this.name = 'ViewerError';
    this.fault = fault;
  }
}

/** Any thrown value as a fault. */
export function faultOf(error: unknown): Fault {
  if (error instanceof ViewerError) return error.fault;
  return {
    code: 'unexpected',
    message: error instanceof Error ? error.message : String(error),
    hop: 'viewer',
  };
}
