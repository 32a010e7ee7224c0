import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { AGENT_CONTRACT_VERSION, type ImageManifest } from '@browser-vm/protocol';
import { openImage, pruneImages } from '../src/image/index.ts';

const FILES = {
  kernel: 'vmlinux',
  initrd: 'initrd.cpio',
  rootfs: 'rootfs.erofs',
  providers: 'providers.erofs',
};

/** A state directory with one image whose files are a few bytes each. */
async function stateWithImage(t: TestContext, id = '0123456789abcdef', change: Partial<ImageManifest> = {}) {
  const stateDir = await mkdtemp(path.join(os.tmpdir(), 'browser-vm-image-'));
  t.after(() => rm(stateDir, { recursive: true, force: true }));
  await addImage(stateDir, id, change);
  await symlink(id, path.join(stateDir, 'images/current'));
  return stateDir;
}

async function addImage(stateDir: string, id: string, change: Partial<ImageManifest> = {}) {
  const directory = path.join(stateDir, 'images', id);
  await mkdir(directory, { recursive: true });
  const files = Object.fromEntries(
    await Promise.all(
      Object.entries(FILES).map(async ([kind, name]) => {
        await writeFile(path.join(directory, name), kind);
        return [kind, { name, bytes: kind.length, sha256: createHash('sha256').update(kind).digest('hex') }];
      }),
    ),
  );
  const manifest = {
    formatVersion: 2,
    id,
    builtAt: new Date().toISOString(),
    debian: 'trixie',
    kernelRelease: '6.12',
    contractVersion: AGENT_CONTRACT_VERSION,
    agentVersion: '1a2b',
    minimumMemoryMb: 512,
    files,
    packageList: { name: 'packages.tsv', bytes: 1, sha256: '0'.repeat(64) },
    packages: {},
    tools: {},
    ...change,
  };
  await writeFile(path.join(directory, 'manifest.json'), JSON.stringify(manifest));
  return directory;
}

test('the current image opens with absolute paths of its files', async (t) => {
  const stateDir = await stateWithImage(t);
  const image = await openImage({ stateDir });
  assert.equal(image.manifest.id, '0123456789abcdef');
  assert.equal(await readFile(image.files.kernel, 'utf8'), 'kernel');
});

test('no image, and an image that is not there, are refused by name', async (t) => {
  const stateDir = await stateWithImage(t);
  await assert.rejects(openImage({ stateDir, id: 'ffffffffffffffff' }), {
    code: 'image_missing',
    message: /ffffffffffffffff/,
  });
  await assert.rejects(openImage({ stateDir: path.join(stateDir, 'empty') }), { code: 'image_missing' });
});

test('a file changed after it was verified is found at the next opening', async (t) => {
  const stateDir = await stateWithImage(t);
  const image = await openImage({ stateDir });
  await writeFile(image.files.rootfs, 'rOotfs');
  await utimes(image.files.rootfs, 0, 0);
  await assert.rejects(openImage({ stateDir }), { code: 'image_corrupt', message: /rootfs\.erofs/ });
});

test('a file of another size, a missing file and a broken manifest are refused by name', async (t) => {
  const stateDir = await stateWithImage(t);
  const image = await openImage({ stateDir });
  await writeFile(image.files.initrd, 'longer than it was');
  await assert.rejects(openImage({ stateDir }), { code: 'image_corrupt', message: /initrd\.cpio/ });
  await rm(image.files.initrd);
  await assert.rejects(openImage({ stateDir }), { code: 'image_corrupt', message: /initrd\.cpio/ });
  await writeFile(path.join(image.directory, 'manifest.json'), '{"formatVersion": 2}');
  await assert.rejects(openImage({ stateDir }), { code: 'image_corrupt', message: /manifest\.json/ });
});

test('an image of another contract or another agent is refused, naming both versions', async (t) => {
  const stateDir = await stateWithImage(t, '0123456789abcdef', { contractVersion: '0' });
  await assert.rejects(openImage({ stateDir }), {
    code: 'image_version_mismatch',
    message: `image 0123456789abcdef has agent contract 0, this host needs ${AGENT_CONTRACT_VERSION}`,
  });
  await addImage(stateDir, '1111111111111111');
  await assert.rejects(openImage({ stateDir, id: '1111111111111111', agentVersion: '3c4d' }), {
    code: 'image_version_mismatch',
    message: 'image 1111111111111111 has agent 1a2b, this host needs 3c4d',
  });
});

test('pruning keeps the current image, the newest other one, and the layers they stand on', async (t) => {
  const stateDir = await stateWithImage(t);
  const layers = path.join(stateDir, 'images/.layers');
  for (const [id, minutes] of [
    ['1111111111111111', 1],
    ['2222222222222222', 2],
  ] as const) {
    const directory = await addImage(stateDir, id);
    await writeFile(path.join(directory, 'layers'), `rootfs-${id}\n`);
    await utimes(path.join(directory, 'manifest.json'), minutes * 60, minutes * 60);
    await mkdir(path.join(layers, `rootfs-${id}`), { recursive: true });
  }
  assert.deepEqual(await pruneImages({ stateDir }), ['1111111111111111']);
  await openImage({ stateDir });
  await openImage({ stateDir, id: '2222222222222222' });
  await readFile(path.join(layers, 'rootfs-1111111111111111')).then(
    () => assert.fail('its layer is still there'),
    (error: NodeJS.ErrnoException) => assert.equal(error.code, 'ENOENT'),
  );
  await assert.rejects(readFile(path.join(layers, 'rootfs-2222222222222222')), { code: 'EISDIR' });
});
