/**
 * Sets up what is missing, then runs a program of ours in network namespaces of its own.
 *
 *   node scripts/in-world.ts bench/start.ts [OPTION ...]
 */
import { spawn } from 'node:child_process';
import { setUpForTests } from './set-up.ts';
import { root } from './steps.ts';
import { inWorld } from './world.ts';

await setUpForTests();
const [file = '', ...args] = inWorld([
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  ...process.argv.slice(2),
]);
const child = spawn(file, args, { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.once('close', (code) => process.exit(code ?? 1));
