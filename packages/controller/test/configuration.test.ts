import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { loadConfiguration } from '../src/index.ts';
import { temporaryDirectory } from './support/controller.ts';

let directory: string;
before(async () => {
  directory = await temporaryDirectory();
});
after(() => rm(directory, { recursive: true }));

test('the environment wins over the file, the file over the defaults, and an empty value is none', async () => {
  const file = `${directory}/some.env`;
  await writeFile(file, '# a comment\nBROWSER_VM_PORT=5000\nBROWSER_VM_VCPU="4"\nBROWSER_VM_MAX_VMS=\n');
  const env = { BROWSER_VM_PORT: '6000', BROWSER_VM_API_TOKEN: '', PATH: '/bin', DATABASE_URL: undefined };
  const configuration = await loadConfiguration({ env, file });
  assert.equal(configuration.BROWSER_VM_PORT, 6000);
  assert.equal(configuration.BROWSER_VM_VCPU, 4);
  assert.equal(configuration.BROWSER_VM_MAX_VMS, 20);
  assert.equal(configuration.BROWSER_VM_API_TOKEN, undefined);
});

test('the file in the state directory is read when it is there', async () => {
  const env = { BROWSER_VM_STATE_DIR: directory };
  assert.equal((await loadConfiguration({ env })).BROWSER_VM_VCPU, 2);
  await writeFile(`${directory}/browser-vm.env`, 'BROWSER_VM_VCPU=3\n');
  assert.equal((await loadConfiguration({ env })).BROWSER_VM_VCPU, 3);
});

test('an unknown key is an error that names the closest known one', async () => {
  const nearest = /BROWSER_VM_MEMORY_MB/;
  const check = (error: Error & { fault?: { remedy?: string } }): boolean => {
    assert.match(error.fault?.remedy ?? '', nearest);
    return true;
  };
  await assert.rejects(loadConfiguration({ env: { BROWSER_VM_MEMORY: '1' } }), check);
  const file = `${directory}/typo.env`;
  await writeFile(file, 'BROWSER_VM_MEMROY_MB=1\n');
  await assert.rejects(loadConfiguration({ env: {}, file }), check);
  await writeFile(file, 'PATH=/bin\n');
  await assert.rejects(loadConfiguration({ env: {}, file }), { message: /PATH.*not a configuration key/ });
});

test('a wrong value is named by its key and source, and not repeated', async () => {
  await assert.rejects(loadConfiguration({ env: { BROWSER_VM_API_TOKEN: 'hunter2' } }), (error: Error) => {
    assert.match(error.message, /^BROWSER_VM_API_TOKEN, from the environment: /);
    assert.ok(!error.message.includes('hunter2'));
    return true;
  });
});

test('a file that was asked for and is not there is an error', async () => {
  await assert.rejects(loadConfiguration({ env: {}, file: `${directory}/none` }), /cannot be read/);
});
