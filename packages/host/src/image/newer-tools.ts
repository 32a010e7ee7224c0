import type { ProviderDescriptor } from '@browser-vm/protocol';
import { run } from './run.ts';

/**
 * One line for each provider tool of which its registry has a newer version. They are not taken by themselves:
 * how a tool signs in is described for one version of it.
 */
export async function newerTools(
  providers: readonly ProviderDescriptor[],
  signal?: AbortSignal,
): Promise<string[]> {
  const lines = await Promise.all(
    providers.map(async ({ package: { name, version } }) => {
      const latest = await run('npm', ['view', name, 'version'], signal ? { signal } : {}).catch(
        () => version,
      );
      signal?.throwIfAborted();
      return latest === version ? [] : [`${name} ${latest} is out; this repository signs in with ${version}`];
    }),
  );
  return lines.flat();
}
