import { readFile, writeFile } from 'node:fs/promises';
import openapiTypescript, { astToString } from 'openapi-typescript';

/**
 * Makes src/generated/openapi.d.ts from the controller's description of its API.
 * With --check: writes nothing, fails when the file is not what it would be.
 */
const description = new URL('../../../docs/openapi.json', import.meta.url);
const target = new URL('../src/generated/openapi.d.ts', import.meta.url);
const header =
  '// Generated from docs/openapi.json by `npm run generate -w packages/dashboard`; not edited by hand.\n\n';

const types = header + astToString(await openapiTypescript(description));
if (!process.argv.includes('--check')) {
  await writeFile(target, types);
} else if ((await readFile(target, 'utf8').catch(() => '')) !== types) {
  console.error('src/generated/openapi.d.ts is not current: run `npm run generate -w packages/dashboard`');
  process.exitCode = 1;
}
