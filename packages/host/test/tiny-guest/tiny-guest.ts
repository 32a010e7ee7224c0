import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdDecompressSync } from 'node:zlib';
import { type CpioEntry, cpio } from './cpio.ts';

const run = promisify(execFile);
const HERE = import.meta.dirname;
const CACHE = join(HERE, '../../../../node_modules/.cache/browser-vm/tiny-guest');
const MODULES = ['failover', 'net_failover', 'virtio_mmio', 'virtio_net', 'virtio_blk', 'virtio-rng'];
/** Debian's current kernel where the release has it beside its own. */
const KERNEL_PACKAGES = ['linux-image-6.12-cloud-amd64', 'linux-image-cloud-amd64'];

export interface TinyGuest {
  readonly kernel: string;
  readonly initrd: string;
  readonly disks: readonly string[];
}

/** A guest that boots in seconds: Debian's cloud kernel and busybox. Needs `busybox-static` and apt. */
export async function tinyGuest(): Promise<TinyGuest> {
  const [init, request] = await Promise.all(
    ['init.sh', 'request.sh'].map((name) => readFile(join(HERE, name))),
  );
  const key = createHash('sha256').update(init!).update(request!).digest('hex').slice(0, 16);
  const directory = join(CACHE, key);
  const guest = {
    kernel: join(directory, 'vmlinux'),
    initrd: join(directory, 'initrd'),
    disks: [join(directory, 'disk-a'), join(directory, 'disk-b')],
  };
  if (
    await stat(directory).then(
      () => true,
      () => false,
    )
  )
    return guest;

  const kernelPackage = (await kernelPackageName()) ?? (await kernelPackageAfterUpdate());
  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(join(CACHE, 'work-'));
  try {
    await run('apt-get', ['download', '-q', kernelPackage], { cwd: work });
    const [archive] = (await readdir(work)).filter((name) => name.endsWith('.deb'));
    await run('dpkg-deb', ['-x', join(work, archive!), join(work, 'package')]);
    const built = join(work, 'built');
    await mkdir(built);
    const [vmlinuz] = (await readdir(join(work, 'package/boot'))).filter((name) =>
      name.startsWith('vmlinuz'),
    );
    await writeFile(join(built, 'vmlinux'), await uncompressed(join(work, 'package/boot', vmlinuz!)));
    await writeFile(join(built, 'initrd'), cpio(await entries(join(work, 'package'), init!, request!)));
    await writeFile(join(built, 'disk-a'), Buffer.alloc(1 << 20, 'first disk here\n'));
    await writeFile(join(built, 'disk-b'), Buffer.alloc(1 << 20, 'other disk here\n'));
    await rename(built, directory);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return guest;
}

async function kernelPackageName(): Promise<string | null> {
  for (const name of KERNEL_PACKAGES) {
    const { stdout } = await run('apt-cache', ['depends', name]).catch(() => ({ stdout: '' }));
    const [, found] = /Depends: (linux-image-\S+)/.exec(stdout) ?? [];
    if (found !== undefined) return found;
  }
  return null;
}

/** A fresh Debian has no package lists yet. */
async function kernelPackageAfterUpdate(): Promise<string> {
  await run('apt-get', ['update', '-q', '-o', 'DPkg::Lock::Timeout=300']);
  const found = await kernelPackageName();
  if (found === null) throw new Error(`apt knows none of ${KERNEL_PACKAGES.join(', ')}`);
  return found;
}

/** The ELF kernel inside a bzImage; the header's fields are those of the x86 boot protocol, 2.08 and later. */
async function uncompressed(path: string): Promise<Buffer> {
  const image = await readFile(path);
  const setupSectors = image[0x1f1] === 0 ? 4 : image[0x1f1]!;
  const start = (setupSectors + 1) * 512 + image.readUInt32LE(0x248);
  const payload = image.subarray(start, start + image.readUInt32LE(0x24c));
  // The last four bytes are the uncompressed length, not part of the compressed stream.
  if (payload.readUInt32LE(0) === 0xfd2fb528) return zstdDecompressSync(payload.subarray(0, -4));
  const { stdout } = await run(
    'sh',
    ['-c', 'tail -c "+$1" "$2" | xz -dc --single-stream', 'sh', `${start + 1}`, path],
    {
      encoding: 'buffer',
      maxBuffer: 1 << 28,
    },
  );
  return stdout;
}

async function entries(kernelRoot: string, init: Buffer, request: Buffer): Promise<CpioEntry[]> {
  const directory = (path: string): CpioEntry => ({ path, mode: 0o040755, content: Buffer.alloc(0) });
  const program = (path: string, content: Buffer): CpioEntry => ({ path, mode: 0o100755, content });
  return [
    ...['bin', 'modules', 'www', 'www/cgi-bin'].map(directory),
    program('bin/busybox', await readFile('/bin/busybox')),
    program('init', init),
    program('www/cgi-bin/request', request),
    ...(await Promise.all(
      MODULES.map(async (name) => program(`modules/${name}.ko`, await moduleFile(kernelRoot, name))),
    )),
  ];
}

async function moduleFile(kernelRoot: string, name: string): Promise<Buffer> {
  const { stdout } = await run('find', [kernelRoot, '-name', `${name}.ko*`]);
  const path = stdout.trim();
  if (path === '') throw new Error(`the kernel package has no module ${name}`);
  if (!path.endsWith('.xz')) return await readFile(path);
  return (await run('xz', ['-dc', path], { encoding: 'buffer', maxBuffer: 1 << 26 })).stdout;
}
