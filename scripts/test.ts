/**
 * Sets up what is missing, then runs the tests: all of them, or the parts named as arguments.
 *
 *   node scripts/test.ts [check] [packages] [conformance] [e2e] [--driver qemu]
 */
import { globSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { printFault, setUp, TEST_PACKAGES } from '@browser-vm/cli';
import { runSteps, type Step } from './steps.ts';

const root = path.resolve(import.meta.dirname, '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { driver: { type: 'string', default: 'qemu' } },
});

/** One test file at a time: on two cores, tests that drive a browser or a VM must not share them. */
function nodeTest(name: string, pattern: string): Step {
  const files = globSync(pattern, { cwd: root }).sort();
  if (files.length === 0) throw new Error(`no test file matches ${pattern}`);
  return { name, command: [process.execPath, '--test', '--test-concurrency=1', ...files] };
}

/** Runs a step in network namespaces of its own, from which nothing outside this machine can be reached. */
function inWorld(step: Step): Step {
  return { name: step.name, command: [process.execPath, 'test/world/main.ts', ...step.command] };
}

const parts: Record<string, () => Step> = {
  check: () => ({ name: 'check', command: [process.execPath, 'scripts/check.ts'] }),
  packages: () => nodeTest('tests of each package', 'packages/*/test/*.test.ts'),
  conformance: () => {
    process.env.BROWSER_VM_TEST_DRIVER = values.driver;
    return nodeTest(`driver contract: ${values.driver}`, 'packages/host/test/conformance/*.test.ts');
  },
  e2e: () => inWorld(nodeTest('sign-ins end to end', 'test/e2e/*.test.ts')),
};

const unknown = positionals.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}

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
const chosen = positionals.length > 0 ? positionals : Object.keys(parts);
await runSteps(chosen.map((name) => parts[name]?.()).filter((step): step is Step => step !== undefined));
