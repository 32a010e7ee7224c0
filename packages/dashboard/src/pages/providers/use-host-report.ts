import { useCallback, useEffect } from 'react';
import { api } from '../../api/client.ts';
import { useResource } from '../../api/use-resource.ts';

/** Between two looks at a host that will say something else by itself. Milliseconds. */
const LOOK_AGAIN = 3000;

/** How the host stands; kept current while a template is being made or sessions wait for a place. */
export function useHostReport() {
  const report = useResource(useCallback((signal: AbortSignal) => api.host(signal), []));
  const { resource, reload } = report;
  useEffect(() => {
    if (resource.state !== 'ready') return;
    const { capacity, template } = resource.data.usage;
    if (template.making === null && capacity.queued === 0 && capacity.full === null) return;
    const timer = setTimeout(reload, LOOK_AGAIN);
    return () => clearTimeout(timer);
  }, [resource, reload]);
  return report;
}
