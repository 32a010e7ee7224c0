import {
  chmod,
  copyFile,
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { BrowserVmError } from '@browser-vm/protocol';
import { z } from 'zod';
import { contentKey, directoryParts, sourceParts } from './content-key.ts';
import { describeChanges, KEYRING, type PackageVersions, parsePackageList } from './debian-packages.ts';
import { debianSources, readHostAptOptions, readHostSources } from './debian-sources.ts';
import { FILE_TIME, packErofs } from './erofs.ts';
import { extractVmlinux } from './kernel.ts';
import { type ImagePaths, type Layer, layer } from './layers.ts';
import { type Recipe, recipeDirectory } from './recipe.ts';
import { run } from './run.ts';

export const ROOTFS_FILES = {
  rootfs: 'rootfs.erofs',
  kernel: 'vmlinux',
  modules: 'modules',
  busybox: 'busybox',
  packages: 'packages.tsv',
} as const;

export interface RootfsInput {
  readonly paths: ImagePaths;
  readonly repositoryRoot: string;
  readonly recipe: Recipe;
  readonly nodeVersion: string;
  readonly nodeBinary: string;
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Names of all root filesystems of this recipe begin so. */
export async function rootfsPrefix(input: RootfsInput): Promise<string> {
  const { debian, kernelPackage, packages, excludedPaths, requiredPrograms } = input.recipe;
  const recipe = recipeDirectory(input.repositoryRoot);
  return `rootfs-${contentKey([
    JSON.stringify({ debian, kernelPackage, packages, excludedPaths, requiredPrograms }),
    input.nodeVersion,
    ...(await directoryParts(path.join(recipe, 'hooks'))),
    ...(await directoryParts(path.join(recipe, 'guest'))),
    ...(await sourceParts('rootfs.ts', 'erofs.ts', 'kernel.ts')),
  ])}-`;
}

export function rootfsName(prefix: string, packages: PackageVersions): string {
  return `${prefix}${contentKey([...packages].sort().flat())}`;
}

/**
 * Debian with our files in it, packed; beside it kernel, modules and busybox for the initrd. `packages` is
 * what the mirrors had when the name was made; when they have something else now, the build is refused.
 */
export async function makeRootfs(
  input: RootfsInput,
  name: string,
  packages: PackageVersions | null,
): Promise<Layer> {
  return layer(input.paths, name, async (directory) => {
    const root = path.join(directory, 'root');
    await bootstrap(root, input);
    await forgetMirrors(root);
    const kernelRelease = await takeBootFiles(root, directory);
    const installed = parsePackageList(await readFile(path.join(directory, ROOTFS_FILES.packages), 'utf8'));
    if (packages !== null) checkPackages(packages, installed);
    await copyGuestFiles(path.join(recipeDirectory(input.repositoryRoot), 'guest'), root);
    await installNode(root, input.nodeBinary);
    await checkPrograms(root, input);
    input.progress('packing the root filesystem');
    await packErofs(root, name, path.join(directory, ROOTFS_FILES.rootfs), input.signal);
    await rm(root, { recursive: true, force: true });
    await writeFile(path.join(directory, 'kernel-release'), kernelRelease);
  });
}

function checkPackages(expected: PackageVersions, installed: PackageVersions): void {
  const changes = describeChanges(expected, installed);
  if (changes.length === 0) return;
  throw new BrowserVmError({
    code: 'debian_changed',
    message: `Debian's mirrors changed while the image was built: ${changes.slice(0, 3).join(', ')}`,
    hop: 'image',
    remedy: 'run the same command again',
    details: { changes },
  });
}

async function bootstrap(root: string, input: RootfsInput): Promise<void> {
  const { recipe, signal } = input;
  const { entries, hostSuite } = await readHostSources();
  const args = [
    '--mode=root',
    // Essential packages only: the guest never installs anything.
    '--variant=essential',
    `--architectures=${recipe.debian.architecture}`,
    `--include=${[recipe.kernelPackage, ...recipe.packages].join(',')}`,
    `--keyring=${KEYRING}`,
    `--hook-directory=${path.join(recipeDirectory(input.repositoryRoot), 'hooks')}`,
    ...(await readHostAptOptions(signal)).map((option) => `--aptopt=${option}`),
    '--aptopt=Acquire::Languages "none";',
    ...recipe.excludedPaths.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    recipe.debian.suite,
    root,
    ...debianSources(entries, hostSuite, recipe.debian.suite, recipe.debian.components),
  ];
  // Namespaces of its own: whatever mmdebstrap mounts or starts is gone with it, however it ends.
  const isolated = [
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    '--',
    'mmdebstrap',
    ...args,
  ];
  try {
    await run('unshare', isolated, {
      env: {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        LANG: 'C.UTF-8',
        SOURCE_DATE_EPOCH: String(FILE_TIME),
        ...proxies(),
      },
      onLine: (line) => {
        if (line.startsWith('I: ')) input.progress(line.slice(3));
      },
      ...(signal && { signal }),
    });
  } catch (cause) {
    if (!(cause instanceof BrowserVmError)) throw cause;
    const output = z.array(z.string()).catch([]).parse(cause.fault.details?.output);
    // Its last line only says that it failed; the reason stands above.
    const reason = output.findLast(
      (line) => /^(E|chroot|mkdir|rm|mv|cp): /.test(line) && !line.includes('mmdebstrap failed'),
    );
    const keyTooOld = /NO_PUBKEY|not signed|public key is not available/.test(output.join('\n'));
    throw new BrowserVmError(
      {
        ...cause.fault,
        code: keyTooOld ? 'debian_keyring_outdated' : 'image_bootstrap_failed',
        message: keyTooOld
          ? `${KEYRING} has no key for Debian ${recipe.debian.suite}`
          : `mmdebstrap did not build Debian ${recipe.debian.suite}: ${reason ?? cause.message}`,
        remedy: keyTooOld
          ? 'run: apt-get update && apt-get install --only-upgrade debian-archive-keyring'
          : 'check that apt-get update works on this machine, then run the same command again; it resumes at this step',
      },
      { cause },
    );
  }
}

/** The build sees of the environment only how to reach mirrors. */
function proxies(): NodeJS.ProcessEnv {
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/** How this machine reaches Debian stays with this machine. */
async function forgetMirrors(root: string): Promise<void> {
  for (const name of ['etc/apt', 'var/lib/apt', 'var/cache/apt', 'etc/resolv.conf', 'etc/hostname']) {
    await rm(path.join(root, name), { recursive: true, force: true });
  }
}

/** Moves what the hooks collected in /boot out of the root; returns the kernel's release. */
async function takeBootFiles(root: string, directory: string): Promise<string> {
  const boot = path.join(root, 'boot');
  const kernels = (await readdir(boot)).filter((name) => name.startsWith('vmlinuz-'));
  const release = kernels[0]?.slice('vmlinuz-'.length);
  if (release === undefined || kernels.length > 1) {
    throw new BrowserVmError({
      code: 'kernel_not_understood',
      message: `the image needs one kernel, but its packages brought ${kernels.length}`,
      hop: 'image',
      remedy: 'correct kernelPackage in image/recipe.json',
    });
  }
  const vmlinux = extractVmlinux(await readFile(path.join(boot, `vmlinuz-${release}`)));
  await writeFile(path.join(directory, ROOTFS_FILES.kernel), vmlinux, { mode: 0o644 });
  await rename(path.join(boot, 'modules', release), path.join(directory, ROOTFS_FILES.modules));
  await rename(path.join(boot, 'busybox'), path.join(directory, ROOTFS_FILES.busybox));
  await rename(path.join(boot, 'packages.tsv'), path.join(directory, ROOTFS_FILES.packages));
  await rm(boot, { recursive: true });
  return release;
}

/** Copies the recipe's files over the root, with modes that do not depend on who checked them out. */
async function copyGuestFiles(from: string, root: string): Promise<void> {
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((candidate) => candidate.isFile())) {
    const source = path.join(entry.parentPath, entry.name);
    const target = path.join(root, path.relative(from, source));
    await mkdir(path.dirname(target), { recursive: true, mode: 0o755 });
    await copyFile(source, target);
    await chmod(target, (await readFile(source)).subarray(0, 2).toString() === '#!' ? 0o755 : 0o644);
  }
}

async function installNode(root: string, nodeBinary: string): Promise<void> {
  const bin = path.join(root, 'opt/browser-vm/bin');
  await mkdir(bin, { recursive: true, mode: 0o755 });
  await cp(nodeBinary, path.join(bin, 'node'));
  await chmod(path.join(bin, 'node'), 0o755);
  await symlink('/opt/browser-vm/bin/node', path.join(root, 'usr/local/bin/node'));
}

/** What was trimmed must not be missed: each program's libraries are all there. */
async function checkPrograms(root: string, { recipe, signal }: RootfsInput): Promise<void> {
  for (const program of recipe.requiredPrograms) {
    const output = await run('chroot', [root, 'ldd', program], signal ? { signal } : {}).catch(
      (cause: unknown) => {
        throw unusable(program, cause instanceof Error ? cause.message : String(cause), cause);
      },
    );
    const missing = output.split('\n').filter((line) => line.includes('not found'));
    if (missing.length > 0) throw unusable(program, missing.map((line) => line.trim()).join(', '));
  }
}

function unusable(program: string, why: string, cause?: unknown): BrowserVmError {
  return new BrowserVmError(
    {
      code: 'image_program_unusable',
      message: `${program} does not run in the image: ${why}`,
      hop: 'image',
      remedy: 'name its package in image/recipe.json, or trim less in image/hooks',
    },
    { cause },
  );
}
