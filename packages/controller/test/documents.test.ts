import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { configurationText } from '../src/configuration/configuration-text.ts';
import { openApiText } from '../src/http/openapi-text.ts';

function committed(name: string): Promise<string> {
  return readFile(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
}

test('docs/openapi.json is what the schemas say', async () => {
  assert.ok(
    (await committed('openapi.json')) === (await openApiText()),
    'run: node packages/controller/src/http/write-openapi.ts',
  );
});

test('docs/configuration.md is what the schema says', async () => {
  assert.equal(
    await committed('configuration.md'),
    configurationText(),
    'run: node packages/controller/src/configuration/write-configuration.ts',
  );
});
