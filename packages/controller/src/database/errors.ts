import { type Fault, type Hop, toFault } from '@browser-vm/protocol';
import { DrizzleQueryError } from 'drizzle-orm';

/** As `toFault`; a failed query names its reason, never the values it carried. */
export function faultOf(error: unknown, hop: Hop): Fault {
  if (!(error instanceof DrizzleQueryError)) return toFault(error, hop);
  const reason = error.cause?.message ?? 'the query failed';
  return {
    code: 'database_failed',
    message: `the database refused a query: ${reason}`,
    hop: 'database',
    remedy: 'see that the database runs and has space left',
  };
}
