import { printFault, setUp, TEST_PACKAGES } from '@browser-vm/cli';
import { stateDirectory } from '@browser-vm/protocol';
import { root } from './steps.ts';

/** Makes what running and testing needs and is not there yet; ends this process with 1 when that fails. */
export async function setUpForTests(): Promise<void> {
  try {
    await setUp({
      repositoryRoot: root,
      stateDir: stateDirectory(process.env),
      extraPackages: Object.keys(TEST_PACKAGES),
    });
  } catch (error) {
    printFault(error);
    process.exit(1);
  }
}
