import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { bundleAgent } from '../src/image/index.ts';

const run = promisify(execFile);
const repositoryRoot = path.resolve(import.meta.dirname, '../../..');

/** A second checkout, at another path, with what of the repository an agent is made of. */
let checkout: string;

before(async () => {
  checkout = await mkdtemp(path.join(os.tmpdir(), 'browser-vm-checkout-'));
  const parts = [
    ...['agent', 'protocol', 'rfb'].map((name) => `packages/${name}`),
    ...['@browser-vm', 'zod', 'hono', '@hono', 'koffi', '@koromix', '@lydell', 'x11'].map(
      (name) => `node_modules/${name}`,
    ),
  ];
  for (const part of parts) {
    await cp(path.join(repositoryRoot, part), path.join(checkout, part), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
});

after(() => rm(checkout, { recursive: true, force: true }));

/** As a process started in `cwd` gets it. */
async function versionFrom(cwd: string, root: string): Promise<string> {
  const script = `
    import { bundleAgent } from ${JSON.stringify(path.join(repositoryRoot, 'packages/host/src/image/index.ts'))};
    console.log((await bundleAgent(${JSON.stringify(root)})).version);`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd });
  return stdout.trim();
}

test('the same sources give the same agent from every working directory and every checkout', async () => {
  const versions = await Promise.all([
    versionFrom('/', repositoryRoot),
    versionFrom(path.join(repositoryRoot, 'packages'), repositoryRoot),
    versionFrom(os.tmpdir(), checkout),
  ]);
  assert.match(versions[0]!, /^[0-9a-f]{16}$/);
  assert.equal(new Set(versions).size, 1, versions.join(', '));
});

test('the agent is another when its sources are, and the same when only its host changed', async () => {
  const { version } = await bundleAgent(checkout);
  const configuration = path.join(checkout, 'packages/protocol/src/configuration.ts');
  await writeFile(configuration, `${await readFile(configuration, 'utf8')}\nexport const ADDED = 1;\n`);
  assert.equal((await bundleAgent(checkout)).version, version);
  const main = path.join(checkout, 'packages/agent/src/main.ts');
  await writeFile(main, `${await readFile(main, 'utf8')}\nconsole.log('changed');\n`);
  assert.notEqual((await bundleAgent(checkout)).version, version);
});

test('two bundles made at once are the same, and leave no process of the bundler', async () => {
  const [one, other] = await Promise.all([bundleAgent(checkout), bundleAgent(checkout)]);
  assert.equal(one.version, other.version);
  const { stdout } = await run('ps', ['--ppid', String(process.pid), '-o', 'args=']);
  assert.doesNotMatch(stdout, /esbuild/);
});
