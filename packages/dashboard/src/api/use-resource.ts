import type { Fault } from '@browser-vm/protocol';
import { useCallback, useEffect, useState } from 'react';
import { ApiError, toFault } from './client.ts';

export type Resource<Data> =
  | { readonly state: 'loading' }
  | { readonly state: 'ready'; readonly data: Data }
  | { readonly state: 'error'; readonly fault: Fault; readonly status: number };

/**
 * What `load` answers, loaded again when `load` changes or `reload` is called. While it loads again the old
 * answer stays; `load` must be stable between renders.
 */
export function useResource<Data>(load: (signal: AbortSignal) => Promise<Data>): {
  readonly resource: Resource<Data>;
  readonly reload: () => void;
} {
  const [answer, setAnswer] = useState<{ load: unknown; resource: Resource<Data> }>({
    load,
    resource: { state: 'loading' },
  });
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round is a wish to load again
  useEffect(() => {
    const abort = new AbortController();
    const show = (resource: Resource<Data>) => {
      if (!abort.signal.aborted) setAnswer({ load, resource });
    };
    load(abort.signal).then(
      (data) => show({ state: 'ready', data }),
      (error: unknown) =>
        show({ state: 'error', fault: toFault(error), status: error instanceof ApiError ? error.status : 0 }),
    );
    return () => abort.abort();
  }, [load, round]);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  return { resource: answer.load === load ? answer.resource : { state: 'loading' }, reload };
}
