import { buildImage } from '@browser-vm/host';
import { Listr, type ListrTask } from 'listr2';
import { buildDashboard } from './dashboard.ts';
import { HOST_PACKAGES, installPackages } from './host-packages.ts';

export interface SetUpOptions {
  readonly repositoryRoot: string;
  readonly stateDir: string;
  /** Debian packages besides those that running VMs needs. */
  readonly extraPackages?: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * Everything between a fresh checkout and a controller that can run: host packages, dashboard, image.
 * Each step looks first and does only what is missing, so it can be repeated and resumed.
 */
export async function setUp(options: SetUpOptions): Promise<void> {
  const step = (title: string, work: (progress: (line: string) => void) => Promise<unknown>): ListrTask => ({
    title,
    task: async (_context, task) => {
      const started = performance.now();
      await work((line) => {
        task.output = line;
      });
      task.title = `${title} (${((performance.now() - started) / 1000).toFixed(1)} s)`;
    },
    rendererOptions: { persistentOutput: false },
  });
  const steps = new Listr(
    [
      step('Debian packages of the host', (progress) =>
        installPackages([...Object.keys(HOST_PACKAGES), ...(options.extraPackages ?? [])], progress),
      ),
      step('Dashboard', (progress) => buildDashboard(options.repositoryRoot, progress)),
      step('Golden image', (progress) =>
        buildImage({
          stateDir: options.stateDir,
          repositoryRoot: options.repositoryRoot,
          progress,
          ...(options.signal && { signal: options.signal }),
        }),
      ),
    ],
    { concurrent: false, exitOnError: true, fallbackRenderer: 'simple' },
  );
  await steps.run();
}
