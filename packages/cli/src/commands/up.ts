import { createController, createLogger, loadConfiguration } from '@browser-vm/controller';
import { createHost } from '@browser-vm/host';
import { Command } from 'commander';
import { repositoryRoot } from '../repository-root.ts';
import { setUp } from '../set-up/set-up.ts';

interface UpOptions {
  readonly setUp: boolean;
}

export function upCommand(): Command {
  return new Command('up')
    .description('set up what is missing, then run the controller until it is told to stop')
    .option('--no-set-up', 'run with what is there; the image and the dashboard must have been built')
    .action(up);
}

async function up(options: UpOptions): Promise<void> {
  const stop = stopSignal();
  const configuration = await loadConfiguration();
  if (options.setUp) {
    await setUp({ repositoryRoot, stateDir: configuration.BROWSER_VM_STATE_DIR, signal: stop });
  }
  const logger = createLogger(configuration);
  const host = await createHost({ configuration, repositoryRoot, logger });
  try {
    await host.reconcile();
    await host.prepare((line) => console.log(`template: ${line}`), stop);
    const controller = await createController({ configuration, host, logger, repositoryRoot });
    try {
      const { url, signInLink } = await controller.listen();
      console.log(`\nBrowser VM is running on ${url}`);
      console.log(`Open the dashboard: ${signInLink}`);
      console.log('(the link works once; `npm run link` prints another. Ctrl-C stops everything.)\n');
      await aborted(stop);
      console.log('stopping: ending sessions and removing their VMs');
    } finally {
      await controller.close();
    }
  } finally {
    await host.close();
  }
}

/** Aborts at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Error(`stopped by ${signal}`));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
