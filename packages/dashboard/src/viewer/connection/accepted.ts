import { faultSchema } from '@browser-vm/protocol';
import { ViewerError } from './viewer-error.ts';

/** The data of an answer of the controller. Throws a `ViewerError` with its fault when it refused. */
export function accepted({
  data,
  error,
  response,
}: {
  data?: unknown;
  error?: unknown;
  response: Response;
}): unknown {
  if (response.ok) return data;
  const fault = faultSchema.safeParse(error);
  const unexplained = {
    code: 'http_error',
    message: `The controller answered with status ${response.status}`,
    hop: 'request',
  } as const;
  throw new ViewerError(fault.success ? fault.data : unexplained);
}
