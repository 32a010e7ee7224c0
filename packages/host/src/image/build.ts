import { link, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  AGENT_CONTRACT_VERSION,
  BrowserVmError,
  type ImageManifest,
  imageManifestSchema,
  PROVIDERS,
} from '@browser-vm/protocol';
import { type AgentBundle, bundleAgent } from './agent-bundle.ts';
import { contentKey, directoryParts, hashFile, sourceParts } from './content-key.ts';
import {
  describeChanges,
  type PackageVersions,
  parsePackageList,
  resolvePackages,
} from './debian-packages.ts';
import { makeInitrd } from './initrd.ts';
import { checkedAt, exists, type ImagePaths, imagePaths, layersOf, markChecked } from './layers.ts';
import { acquireLock } from './lock.ts';
import { newerTools } from './newer-tools.ts';
import { nodeForGuest } from './node-binary.ts';
import { type Image, MANIFEST_FILE, openImage, readImage } from './open.ts';
import { makeProviders, PROVIDERS_FILE, providersName } from './providers.ts';
import { LAYERS_FILE, pruneImages } from './prune.ts';
import { type Recipe, readRecipe, recipeDirectory } from './recipe.ts';
import { makeRootfs, ROOTFS_FILES, rootfsName, rootfsPrefix } from './rootfs.ts';
import { removeVerificationLeftovers, verifyImageByBoot } from './verify-boot.ts';

export interface BuildImageOptions {
  readonly stateDir: string;
  readonly repositoryRoot: string;
  /** One line for people: a step that begins, or that ended with its seconds. */
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Looks for newer versions of Debian's packages; otherwise no network is needed for what stands there. */
  readonly refresh?: boolean;
  /** Main module of the agent; absent: the repository's own. */
  readonly agentEntry?: string;
}

/**
 * The image of this repository as it is now: built, checked by booting it, and made the current one;
 * or opened, when it stands there already. An interrupted build is resumed at the layer it was at.
 * Debian's packages are those of the last build of the same recipe; `refresh` looks for newer ones.
 * Throws typed errors of the hop `image`.
 */
export async function buildImage(options: BuildImageOptions): Promise<Image> {
  const { stateDir, repositoryRoot, progress, signal } = options;
  requireArchitecture();
  const paths = imagePaths(stateDir);
  const recipe = await readRecipe(repositoryRoot);
  const agent = await bundleAgent(repositoryRoot, options.agentEntry);
  const node = await nodeForGuest(repositoryRoot);
  const shared = { paths, progress, ...(signal && { signal }) };
  const rootfsInput = {
    ...shared,
    repositoryRoot,
    recipe,
    nodeVersion: node.version,
    nodeBinary: node.binary,
  };
  const providersInput = { ...shared, providers: [...PROVIDERS.values()] };
  const prefix = await rootfsPrefix(rootfsInput);
  const providersLayer = await providersName(providersInput);
  const idOf = (rootfs: string) =>
    imageId(repositoryRoot, recipe, agent, { rootfs, providers: providersLayer });

  if (options.refresh === true) {
    for (const line of await newerTools(providersInput.providers, signal)) progress(line);
  }
  const known = await layersOf(paths, prefix);
  const packages = options.refresh === true || known.length === 0 ? await lookUp(recipe, options) : null;
  const rootfsLayer = packages === null ? await preferred(paths, known, idOf) : rootfsName(prefix, packages);
  const expected = { rootfs: rootfsLayer, providers: providersLayer };
  const id = await idOf(rootfsLayer);

  if (await exists(path.join(paths.images, id))) {
    const image = await openImage({ stateDir, id, ...(signal && { signal }) });
    if (packages !== null) {
      await markChecked(path.join(paths.layers, rootfsLayer));
      await markChecked(image.directory);
    }
    await makeCurrent(paths, id);
    progress(`image ${id} is up to date`);
    return image;
  }
  requireRoot();
  await mkdir(paths.images, { recursive: true });
  const lock = await acquireLock(paths.lock, {
    waiting: () => progress('waiting for another build of the image'),
    ...(signal && { signal }),
  });
  try {
    await removeVerificationLeftovers(stateDir);
    await rm(paths.building, { recursive: true, force: true });
    if (packages !== null) await announceChanges(paths, known[0], packages, progress);
    const step = steps(progress);
    const rootfs = await step('root filesystem', () => makeRootfs(rootfsInput, rootfsLayer, packages));
    if (packages !== null) await markChecked(rootfs.directory);
    const providers = await step('provider tools', () => makeProviders(providersInput));
    const built = await step('assembling', () =>
      assemble({
        options,
        paths,
        recipe,
        agent,
        id,
        expected,
        rootfs: rootfs.directory,
        providers: providers.directory,
      }),
    );
    await step('checking by a boot', () => checkByBoot(built, options));
    await rename(built, path.join(paths.images, id));
    const image = await openImage({ stateDir, id, ...(signal && { signal }) });
    await makeCurrent(paths, id);
    await pruneImages({ stateDir });
    return image;
  } finally {
    await rm(paths.building, { recursive: true, force: true, maxRetries: 3 });
    await lock.release();
  }
}

async function lookUp(recipe: Recipe, { progress, signal }: BuildImageOptions): Promise<PackageVersions> {
  progress(`looking up the packages of Debian ${recipe.debian.suite}`);
  return resolvePackages(recipe, signal);
}

/** The newest that an image stands on, since such a one has booted; else the newest. */
async function preferred(
  paths: ImagePaths,
  layers: readonly string[],
  idOf: (rootfs: string) => Promise<string>,
): Promise<string> {
  for (const name of layers) {
    if (await exists(path.join(paths.images, await idOf(name)))) return name;
  }
  return layers[0]!;
}

async function announceChanges(
  paths: ImagePaths,
  before: string | undefined,
  packages: PackageVersions,
  progress: (line: string) => void,
): Promise<void> {
  if (before === undefined) return;
  const list = await readFile(path.join(paths.layers, before, ROOTFS_FILES.packages), 'utf8').catch(() => '');
  const changes = describeChanges(parsePackageList(list), packages);
  progress(`${changes.length} packages changed`);
  for (const change of changes) progress(change);
}

async function imageId(
  repositoryRoot: string,
  recipe: Recipe,
  agent: AgentBundle,
  expected: { rootfs: string; providers: string },
): Promise<string> {
  return contentKey([
    AGENT_CONTRACT_VERSION,
    JSON.stringify(recipe),
    expected.rootfs,
    expected.providers,
    agent.version,
    ...(await directoryParts(path.join(recipeDirectory(repositoryRoot), 'initrd'))),
    ...(await sourceParts('build.ts', 'initrd.ts', 'cpio.ts', 'modules.ts')),
  ]);
}

interface Assembly {
  readonly options: BuildImageOptions;
  readonly paths: ImagePaths;
  readonly recipe: Recipe;
  readonly agent: AgentBundle;
  readonly id: string;
  readonly expected: { rootfs: string; providers: string };
  readonly rootfs: string;
  readonly providers: string;
}

/** An image gets its name only after it has shown a painted browser. */
async function checkByBoot(
  directory: string,
  { stateDir, progress, signal }: BuildImageOptions,
): Promise<void> {
  await verifyImageByBoot(await readImage(directory), { stateDir, progress, ...(signal && { signal }) });
}

/** Puts an image's files together; returns the directory. */
async function assemble(assembly: Assembly): Promise<string> {
  const { options, paths, recipe, agent, id, expected, rootfs, providers } = assembly;
  const directory = path.join(paths.building, id);
  await mkdir(directory, { recursive: true });
  const initrd = await makeInitrd({
    repositoryRoot: options.repositoryRoot,
    kernelModules: recipe.kernelModules,
    rootfs,
    expected,
    agent,
  });
  await writeFile(path.join(directory, 'initrd.cpio'), initrd, { mode: 0o644 });
  // Hard links: a layer that several images share lies on the disk, and in the page cache, once.
  await link(path.join(rootfs, ROOTFS_FILES.rootfs), path.join(directory, ROOTFS_FILES.rootfs));
  await link(path.join(rootfs, ROOTFS_FILES.kernel), path.join(directory, ROOTFS_FILES.kernel));
  await link(path.join(providers, PROVIDERS_FILE), path.join(directory, PROVIDERS_FILE));
  await link(path.join(rootfs, ROOTFS_FILES.packages), path.join(directory, ROOTFS_FILES.packages));
  await markChecked(directory, await checkedAt(rootfs));
  const describe = async (name: string) => {
    const file = path.join(directory, name);
    return { name, bytes: (await stat(file)).size, sha256: await hashFile(file, options.signal) };
  };
  const manifest: ImageManifest = imageManifestSchema.parse({
    formatVersion: 2,
    id,
    builtAt: new Date().toISOString(),
    debian: recipe.debian.suite,
    kernelRelease: await readFile(path.join(rootfs, 'kernel-release'), 'utf8'),
    contractVersion: AGENT_CONTRACT_VERSION,
    agentVersion: agent.version,
    minimumMemoryMb: recipe.minimumMemoryMb,
    files: {
      kernel: await describe(ROOTFS_FILES.kernel),
      initrd: await describe('initrd.cpio'),
      rootfs: await describe(ROOTFS_FILES.rootfs),
      providers: await describe(PROVIDERS_FILE),
    },
    packageList: await describe(ROOTFS_FILES.packages),
    packages: await packageVersions(path.join(rootfs, ROOTFS_FILES.packages), recipe),
    tools: Object.fromEntries(
      [...PROVIDERS.values()].map((provider) => [provider.tool, provider.package.version]),
    ),
  });
  await writeFile(path.join(directory, LAYERS_FILE), `${expected.rootfs}\n${expected.providers}\n`);
  await writeFile(path.join(directory, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
  return directory;
}

async function packageVersions(file: string, recipe: Recipe): Promise<Record<string, string>> {
  const all = parsePackageList(await readFile(file, 'utf8'));
  const wanted = [recipe.kernelPackage, ...recipe.packages];
  return Object.fromEntries(
    wanted.flatMap((name) => {
      const version = all.get(name);
      return version === undefined ? [] : [[name, version]];
    }),
  );
}

async function makeCurrent(paths: ImagePaths, id: string): Promise<void> {
  const temporary = `${paths.current}.new`;
  await rm(temporary, { force: true });
  await symlink(id, temporary);
  await rename(temporary, paths.current);
}

function requireArchitecture(): void {
  if (process.arch === 'x64') return;
  throw new BrowserVmError({
    code: 'architecture_unsupported',
    message: `images are built for and on x86_64; this machine is ${process.arch}`,
    hop: 'image',
  });
}

function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new BrowserVmError({
    code: 'root_needed',
    message: 'building the image needs root: it unpacks a Debian with its owners and permissions',
    hop: 'image',
    remedy: 'run the same command with sudo',
  });
}

/** Announces a piece of work, then says how long it took, or that a layer stood there already. */
function steps(progress: (line: string) => void) {
  return async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    progress(name);
    const started = performance.now();
    const result = await work();
    const cached = typeof result === 'object' && result !== null && 'cached' in result && result.cached;
    progress(`${name}: ${cached ? 'unchanged' : `${((performance.now() - started) / 1000).toFixed(1)} s`}`);
    return result;
  };
}
