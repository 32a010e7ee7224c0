/**
 * Sets up what is missing, then runs the tests: all of them but the long ones, or the parts named as arguments.
 *
 *   node scripts/test.ts [check] [packages] [conformance] [e2e] [long] [--driver qemu]
 */
import { globSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { setUpForTests } from './set-up.ts';
import { root, runSteps, type Step } from './steps.ts';
import { inWorld } from './world.ts';

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

const parts: Record<string, () => Step> = {
  check: () => ({ name: 'check', command: [process.execPath, 'scripts/check.ts'] }),
  packages: () => nodeTest('tests of each package', 'packages/*/test/*.test.ts'),
  conformance: () => {
    process.env.BROWSER_VM_TEST_DRIVER = values.driver;
    return nodeTest(`driver contract: ${values.driver}`, 'packages/host/test/conformance/*.test.ts');
  },
  e2e: () => {
    const step = nodeTest('sign-ins end to end', 'test/e2e/*.test.ts');
    return { ...step, command: inWorld(step.command) };
  },
  long: () => {
    const step = nodeTest('what takes minutes', 'test/e2e/long/*.test.ts');
    return { ...step, command: inWorld(step.command) };
  },
};
const LONG = new Set(['long']);

const unknown = positionals.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`no such part: ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}

await setUpForTests();
const chosen = positionals.length > 0 ? positionals : Object.keys(parts).filter((name) => !LONG.has(name));
await runSteps(chosen.map((name) => parts[name]?.()).filter((step): step is Step => step !== undefined));
