import { BrowserVmError } from '@browser-vm/protocol';

/** One line that names the thing and the hop, one that says what to do. */
export function printFault(error: unknown): void {
  if (!(error instanceof BrowserVmError)) {
    console.error(error instanceof Error ? (error.stack ?? error.message) : error);
    return;
  }
  const { fault } = error;
  console.error(`browser-vm: ${fault.hop}: ${fault.message} [${fault.code}]`);
  if (fault.remedy) console.error(`  what to do: ${fault.remedy}`);
}
