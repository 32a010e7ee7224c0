import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { BrowserVmError, configurationSchema } from '@browser-vm/protocol';
import { buildImage, type Image, verifyImageByBoot } from '../src/image/index.ts';
import { markOf } from '../src/slot/names.ts';
import { ownIndexes } from '../src/slot/slot.ts';

const run = promisify(execFile);
const stateDir = configurationSchema.shape.BROWSER_VM_STATE_DIR.parse(process.env.BROWSER_VM_STATE_DIR);
const repositoryRoot = path.resolve(import.meta.dirname, '../../..');
const build = (lines: string[] = []) =>
  buildImage({ stateDir, repositoryRoot, progress: (line) => lines.push(line) });

async function assertNothingLeft(): Promise<void> {
  const runDir = path.join('/run', `browser-vm-image-${markOf(stateDir)}`);
  await assert.rejects(access(runDir), { code: 'ENOENT' });
  assert.deepEqual(await ownIndexes(markOf(runDir)), []);
}

test('a build without changes gives the same image within seconds', async () => {
  const first = await build();
  const started = performance.now();
  const lines: string[] = [];
  const second = await build(lines);
  assert.ok(performance.now() - started < 15_000);
  assert.deepEqual(second, first);
  assert.deepEqual(lines, [`image ${first.manifest.id} is up to date`]);
});

test('an image holds no secret, and nothing of the machine that built it', async () => {
  const { directory, files } = await build();
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    /token|secret|password|_key$|^(http|https|all)_proxy$/i.test(name) &&
    value !== undefined &&
    value.length >= 8
      ? [value]
      : [],
  );
  const forbidden = [...kept, repositoryRoot, 'PRIVATE KEY-----', '_authToken'];
  for (const name of (await readdir(directory)).filter((file) => !file.endsWith('.erofs'))) {
    const content = await readFile(path.join(directory, name));
    for (const text of forbidden) assert.ok(!content.includes(text), `${name} holds ${text.slice(0, 4)}...`);
  }
  const { stdout } = await run('dump.erofs', ['--ls', '--path=/etc', files.rootfs]);
  const names = stdout.split('\n').map((line) => line.trim().split(/\s+/).at(-1));
  assert.ok(names.includes('passwd'), stdout);
  for (const name of ['apt', 'hostname']) assert.ok(!names.includes(name), `/etc/${name}`);
});

test('an initrd refuses layers it was not built with, naming both; nothing of the VM stays', async () => {
  const image = await build();
  const mixed: Image = { ...image, files: { ...image.files, rootfs: image.files.providers } };
  await assert.rejects(verifyImageByBoot(mixed, { stateDir, progress: () => {} }), (error) => {
    assert.ok(error instanceof BrowserVmError);
    assert.equal(error.code, 'image_boot_failed');
    assert.match(
      error.message,
      /no block device holds layer rootfs-[0-9a-f]{16}-[0-9a-f]{16}; found: .*=providers-/,
    );
    return true;
  });
  await assertNothingLeft();
});

test('its layers are found in any order, and a check that is given up leaves nothing', async () => {
  const image = await build();
  const { rootfs, providers } = image.files;
  const swapped: Image = { ...image, files: { ...image.files, rootfs: providers, providers: rootfs } };
  const enough = new AbortController();
  const reason = new Error('the agent answers, so both layers are where they belong');
  const progress = (line: string) => {
    if (line.startsWith('agent after')) enough.abort(reason);
  };
  // That the browser is seen painted from outside is what each build of an image ends with.
  const check = verifyImageByBoot(swapped, { stateDir, progress, signal: enough.signal });
  await assert.rejects(check, reason);
  await assertNothingLeft();
});
