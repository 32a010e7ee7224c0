/** Why an RFB connection ended or was refused. Stable, for programs. */
export type RfbErrorCode =
  | 'connect_failed'
  | 'timeout'
  | 'aborted'
  | 'closed'
  | 'refused'
  | 'unsupported'
  | 'protocol'
  | 'limit';

/** The one error class of this package. `limit` and `protocol`: the server broke a bound or the rules. */
export class RfbError extends Error {
  readonly code: RfbErrorCode;

  constructor(code: RfbErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'RfbError';
    this.code = code;
  }
}
