import { access, chmod, constants, copyFile, cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BrowserVmError, type ProviderDescriptor } from '@browser-vm/protocol';
import { contentKey, sourceParts } from './content-key.ts';
import { packErofs } from './erofs.ts';
import { type ImagePaths, type Layer, layer } from './layers.ts';
import { run } from './run.ts';

export const PROVIDERS_FILE = 'providers.erofs';

export interface ProvidersInput {
  readonly paths: ImagePaths;
  readonly providers: readonly ProviderDescriptor[];
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal;
}

export async function providersName({ providers }: ProvidersInput): Promise<string> {
  const tools = providers.map(({ id, tool, package: source }) => ({ id, tool, source }));
  return `providers-${contentKey([JSON.stringify(tools), ...(await sourceParts('providers.ts', 'erofs.ts'))])}`;
}

/** The provider tools in a file system of their own, each under its command's name in `bin`. */
export async function makeProviders(input: ProvidersInput): Promise<Layer> {
  const name = await providersName(input);
  return layer(input.paths, name, async (directory) => {
    const root = path.join(directory, 'root');
    await mkdir(path.join(root, 'bin'), { recursive: true });
    for (const provider of input.providers) await install(provider, directory, root, input);
    input.progress('packing the provider tools');
    await packErofs(root, name, path.join(directory, PROVIDERS_FILE), input.signal);
    await rm(root, { recursive: true, force: true });
  });
}

async function install(
  provider: ProviderDescriptor,
  directory: string,
  root: string,
  { progress, signal }: ProvidersInput,
): Promise<void> {
  const { name, version, executable } = provider.package;
  progress(`installing ${name} ${version}`);
  const prefix = path.join(directory, `npm-${provider.id}`);
  await mkdir(prefix);
  await writeFile(path.join(prefix, 'package.json'), '{"private":true}\n');
  const quiet = [
    '--no-save',
    '--no-package-lock',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const target = ['--os=linux', '--cpu=x64', '--libc=glibc'];
  await run('npm', ['install', '--prefix', prefix, ...quiet, ...target, `${name}@${version}`], {
    ...(signal && { signal }),
  });
  const modules = path.join(prefix, 'node_modules');
  // Where npm got it from is this machine's business.
  await rm(path.join(modules, '.package-lock.json'), { force: true });
  const command = path.join(root, 'bin', provider.tool);
  if (executable === undefined) {
    const home = path.join(root, 'lib', provider.id);
    await mkdir(path.dirname(home), { recursive: true });
    await cp(modules, path.join(home, 'node_modules'), { recursive: true, verbatimSymlinks: true });
    await symlink(`../lib/${provider.id}/node_modules/.bin/${provider.tool}`, command);
  } else {
    await copyFile(path.join(modules, executable), command).catch((cause) => {
      throw missing(provider, `no ${executable} in it`, cause);
    });
    await chmod(command, 0o755);
  }
  await access(command, constants.X_OK).catch((cause) => {
    throw missing(provider, `it brings no program ${provider.tool}`, cause);
  });
  await rm(prefix, { recursive: true, force: true });
}

function missing(provider: ProviderDescriptor, why: string, cause: unknown): BrowserVmError {
  const { name, version } = provider.package;
  return new BrowserVmError(
    {
      code: 'provider_tool_missing',
      message: `${name} ${version} cannot be put into the image: ${why}`,
      hop: 'image',
      remedy: `correct the package of provider ${provider.id}`,
    },
    { cause },
  );
}
