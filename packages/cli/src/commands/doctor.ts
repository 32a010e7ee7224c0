import { createLogger, loadConfiguration } from '@browser-vm/controller';
import { createHost } from '@browser-vm/host';
import { Command } from 'commander';
import { repositoryRoot } from '../repository-root.ts';

interface DoctorOptions {
  readonly json?: boolean;
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check everything a VM needs on this machine; ends with 1 when something is wrong')
    .option('--json', 'one JSON object')
    .action(doctor);
}

async function doctor(options: DoctorOptions): Promise<void> {
  const configuration = await loadConfiguration();
  const logger = createLogger({ ...configuration, BROWSER_VM_LOG_LEVEL: 'silent' });
  const host = await createHost({ configuration, repositoryRoot, logger });
  try {
    const checks = await host.doctor();
    if (options.json) {
      console.log(JSON.stringify({ checks }));
    } else {
      for (const check of checks) {
        console.log(`${check.ok ? 'ok  ' : 'FAIL'}  ${check.name}: ${check.detail}`);
        if (!check.ok && check.remedy) console.log(`      what to do: ${check.remedy}`);
      }
    }
    if (checks.some((check) => !check.ok)) process.exitCode = 1;
  } finally {
    await host.close();
  }
}
