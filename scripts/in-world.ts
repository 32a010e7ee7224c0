/**
 * Sets up what is missing, then runs a program of ours in network namespaces of its own.
 *
 *   node scripts/in-world.ts bench/start.ts [OPTION ...]
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { printFault, setUp, TEST_PACKAGES } from '@browser-vm/cli';

const root = path.resolve(import.meta.dirname, '..');
try {
  await setUp({
    repositoryRoot: root,
    stateDir: process.env.BROWSER_VM_STATE_DIR ?? '/var/lib/browser-vm',
    extraPackages: Object.keys(TEST_PACKAGES),
  });
} catch (error) {
  printFault(error);
  process.exit(1);
}
const node = [process.execPath, '--disable-warning=ExperimentalWarning'];
const child = spawn(process.execPath, ['test/world/main.ts', ...node, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.once('close', (code) => process.exit(code ?? 1));
