import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { packCpio } from '../src/image/cpio.ts';
import { describeChanges, parsePackageList, parseSimulation } from '../src/image/debian-packages.ts';
import { debianSources, parseAptSources } from '../src/image/debian-sources.ts';
import { extractVmlinux } from '../src/image/kernel.ts';
import { imagePaths, layer, layersOf, markChecked } from '../src/image/layers.ts';
import { acquireLock } from '../src/image/lock.ts';
import { moduleLoadOrder } from '../src/image/modules.ts';
import { run } from '../src/image/run.ts';

async function scratch(t: { after: (clean: () => Promise<void>) => void }): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'browser-vm-image-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test('an initrd archive unpacks to the same files, with the directories they need', async (t) => {
  const directory = await scratch(t);
  const archive = packCpio([
    { name: 'bin/tool', mode: 0o100755, content: Buffer.from('#!/bin/sh\n') },
    { name: 'deep/er/text', mode: 0o100644, content: Buffer.from('odd') },
  ]);
  execFileSync('busybox', ['cpio', '-i', '-d'], { cwd: directory, input: archive, stdio: 'pipe' });
  assert.equal(await readFile(path.join(directory, 'bin/tool'), 'utf8'), '#!/bin/sh\n');
  assert.equal(await readFile(path.join(directory, 'deep/er/text'), 'utf8'), 'odd');
  assert.deepEqual(
    archive,
    packCpio([
      { name: 'bin/tool', mode: 0o100755, content: Buffer.from('#!/bin/sh\n') },
      { name: 'deep/er/text', mode: 0o100644, content: Buffer.from('odd') },
    ]),
  );
});

test('modules load after what they need, built-in ones not at all, unknown ones are named', () => {
  const dependencies = [
    'kernel/net/core/failover.ko.xz:',
    'kernel/drivers/net/net_failover.ko.xz: kernel/net/core/failover.ko.xz',
    'kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz kernel/net/core/failover.ko.xz',
  ].join('\n');
  assert.deepEqual(
    moduleLoadOrder(['virtio-net', 'virtio_pci'], dependencies, 'kernel/drivers/virtio/virtio_pci.ko\n'),
    ['kernel/net/core/failover.ko', 'kernel/drivers/net/net_failover.ko', 'kernel/drivers/net/virtio_net.ko'],
  );
  assert.throws(() => moduleLoadOrder(['nonesuch'], dependencies, ''), {
    code: 'kernel_module_missing',
    message: /nonesuch/,
  });
});

test("the build uses the mirrors of the host's own Debian, in either format of apt", () => {
  const deb822 = [
    'Types: deb',
    '# a comment between fields',
    'URIs: http://mirror.example/debian',
    'Suites: bookworm bookworm-updates',
    'Components: main',
    '',
    'Types: deb deb-src',
    'Enabled: no',
    'URIs: http://off.example/debian-security',
    'Suites: bookworm-security',
  ].join('\n');
  const list =
    'deb [signed-by=/k.gpg] https://sec.example/debian-security bookworm-security main\n# deb http://no.example x\n';
  const entries = [...parseAptSources(deb822, 'deb822'), ...parseAptSources(list, 'list')];
  assert.deepEqual(debianSources(entries, 'bookworm', 'trixie', ['main']), [
    'deb http://mirror.example/debian trixie main',
    'deb http://mirror.example/debian trixie-updates main',
    'deb https://sec.example/debian-security trixie-security main',
  ]);
});

test("a host without Debian's sources builds from Debian's public address", () => {
  const lines = debianSources(
    [{ uri: 'http://other.example/ubuntu', suite: 'noble' }],
    'bookworm',
    'trixie',
    ['main'],
  );
  assert.deepEqual(lines[0], 'deb http://deb.debian.org/debian trixie main');
});

/** As the kernel's build lays it out: setup sectors, payload, unpacked size. */
function bzImage(payload: Buffer): Buffer {
  const setup = Buffer.alloc(1024);
  setup[0x1f1] = 1;
  setup.write('HdrS', 0x202, 'latin1');
  setup.writeUInt32LE(16, 0x248);
  setup.writeUInt32LE(payload.length + 4, 0x24c);
  return Buffer.concat([setup, Buffer.alloc(16), payload, Buffer.alloc(4)]);
}

test('packages are known by what apt would install, and differ by name or version', () => {
  const simulated = parseSimulation(
    [
      'Inst gcc-14-base (14.2.0-19 Debian:13.7/stable [amd64])',
      'Inst libc6 [2.40-1] (2.41-12+deb13u4 Debian:13.7/stable, Debian-Security:13/stable-security [amd64]) []',
      'Inst zlib1g:amd64 (1:1.3.1-1 Debian:13.7/stable [amd64])',
      'Conf libc6 (2.41-12+deb13u4 Debian:13.7/stable [amd64])',
    ].join('\n'),
  );
  const installed = parsePackageList('gcc-14-base\t14.2.0-19\nlibc6\t2.41-12+deb13u4\nzlib1g\t1:1.3.1-1\n');
  assert.deepEqual(simulated, installed);
  assert.deepEqual(describeChanges(simulated, installed), []);
  const later = parsePackageList('gcc-14-base\t14.2.0-19\nlibc6\t2.41-12+deb13u5\nnew\t1\n');
  assert.deepEqual(describeChanges(installed, later), [
    'libc6 2.41-12+deb13u4 -> 2.41-12+deb13u5',
    'new none -> 1',
    'zlib1g 1:1.3.1-1 -> none',
  ]);
});

test('of the layers of one recipe the one last found to be the newest comes first', async (t) => {
  const paths = imagePaths(await scratch(t));
  assert.deepEqual(await layersOf(paths, 'rootfs-a-'), []);
  for (const [name, day] of Object.entries({
    'rootfs-a-1': 2,
    'rootfs-a-2': 3,
    'rootfs-a-3': 1,
    'rootfs-b-1': 4,
  })) {
    const directory = path.join(paths.layers, name);
    await mkdir(directory, { recursive: true });
    await markChecked(directory, new Date(2026, 0, day));
  }
  await mkdir(path.join(paths.layers, 'rootfs-a-4'));
  assert.deepEqual(await layersOf(paths, 'rootfs-a-'), [
    'rootfs-a-2',
    'rootfs-a-1',
    'rootfs-a-3',
    'rootfs-a-4',
  ]);
});

test('a kernel is unpacked from zstd and from gzip, and anything else is refused by name', () => {
  const elf = Buffer.from('\x7fELF and the rest of a kernel', 'latin1');
  assert.deepEqual(extractVmlinux(bzImage(zstdCompressSync(elf))), elf);
  assert.deepEqual(extractVmlinux(bzImage(gzipSync(elf))), elf);
  const refused = { code: 'kernel_not_understood' };
  assert.throws(() => extractVmlinux(bzImage(Buffer.from('\xfd7zXZ', 'latin1'))), refused);
  assert.throws(() => extractVmlinux(bzImage(zstdCompressSync(Buffer.from('no kernel')))), refused);
  assert.throws(() => extractVmlinux(Buffer.alloc(4096)), refused);
  assert.throws(() => extractVmlinux(bzImage(zstdCompressSync(elf)).subarray(0, 1050)), refused);
});

test('a layer whose making was interrupted does not exist; a finished one is made once', async (t) => {
  const paths = imagePaths(await scratch(t));
  const interrupted = layer(paths, 'layer-a', async (directory) => {
    await writeFile(path.join(directory, 'half'), '');
    throw new Error('interrupted');
  });
  await assert.rejects(interrupted, /interrupted/);
  assert.deepEqual(await readdir(paths.layers).catch(() => []), []);
  let made = 0;
  const make = () =>
    layer(paths, 'layer-a', async () => {
      made += 1;
    });
  assert.equal((await make()).cached, false);
  assert.equal((await make()).cached, true);
  assert.equal(made, 1);
});

test('an aborted command is gone with all it started', async (t) => {
  const directory = await scratch(t);
  const marker = `${3600 + Math.random()}`;
  const abort = new AbortController();
  const running = run('sh', ['-c', `sleep ${marker} & echo started; wait`], {
    cwd: directory,
    signal: abort.signal,
    onLine: () => abort.abort(),
  });
  await assert.rejects(running, { name: 'AbortError' });
  assert.equal(execFileSync('sh', ['-c', `pgrep -f "^sleep ${marker}" || true`], { encoding: 'utf8' }), '');
});

test('a failed command is an error with its last words', async () => {
  await assert.rejects(run('sh', ['-c', 'echo the reason >&2; exit 3']), {
    code: 'command_failed',
    message: 'sh ended with 3: the reason',
  });
});

test('of two builds one waits until the other lets go', async (t) => {
  const file = path.join(await scratch(t), 'lock');
  const first = await acquireLock(file, { waiting: () => assert.fail('nobody held it') });
  let waited = false;
  const second = acquireLock(file, {
    waiting: () => {
      waited = true;
      void first.release();
    },
  });
  await (await second).release();
  assert.ok(waited);
  const aborted = new AbortController();
  const holder = await acquireLock(file, { waiting: () => {} });
  const waiting = acquireLock(file, { waiting: () => aborted.abort(), signal: aborted.signal });
  await assert.rejects(waiting, { name: 'AbortError' });
  await holder.release();
});
