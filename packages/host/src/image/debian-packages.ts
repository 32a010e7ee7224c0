import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BrowserVmError } from '@browser-vm/protocol';
import { debianSources, readHostAptOptions, readHostSources } from './debian-sources.ts';
import type { Recipe } from './recipe.ts';
import { run } from './run.ts';

export const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Every package of the root filesystem and its version. */
export type PackageVersions = ReadonlyMap<string, string>;

/**
 * What a build would install now, asked of the mirrors by an apt that knows of no package installed:
 * 10 MB and some seconds. Throws `debian_unreachable` when they do not answer.
 */
export async function resolvePackages(recipe: Recipe, signal?: AbortSignal): Promise<PackageVersions> {
  const root = await mkdtemp(path.join(tmpdir(), 'browser-vm-apt-'));
  const options = {
    ...(signal && { signal }),
    env: { ...process.env, LC_ALL: 'C', APT_CONFIG: path.join(root, 'apt.conf') },
  };
  try {
    await configureApt(root, recipe, signal);
    await run('apt-get', ['update', '-qq', '--error-on=any'], options);
    // Essential packages without apt itself, as mmdebstrap has it: the guest never installs anything.
    const wanted = ['?and(?essential,?not(?exact-name(apt)))', recipe.kernelPackage, ...recipe.packages];
    return parseSimulation(await run('apt-get', ['install', '--simulate', ...wanted], options));
  } catch (cause) {
    signal?.throwIfAborted();
    throw new BrowserVmError(
      {
        code: 'debian_unreachable',
        message: `the packages of Debian ${recipe.debian.suite} could not be looked up: ${(cause as Error).message}`,
        hop: 'image',
        remedy: 'check that apt-get update works on this machine, then run the same command again',
      },
      { cause },
    );
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Nothing of this machine's own packages, and only how it reaches mirrors of its configuration. */
async function configureApt(root: string, { debian }: Recipe, signal?: AbortSignal): Promise<void> {
  for (const name of ['etc', 'lists/partial', 'cache/archives/partial']) {
    await mkdir(path.join(root, name), { recursive: true });
  }
  const { entries, hostSuite } = await readHostSources();
  const sources = debianSources(entries, hostSuite, debian.suite, debian.components);
  const signed = sources.map((line) => line.replace(/^deb /, `deb [signed-by=${KEYRING}] `));
  await writeFile(path.join(root, 'etc/sources.list'), `${signed.join('\n')}\n`);
  await writeFile(path.join(root, 'status'), '');
  const configuration = [
    `Dir "${root}";`,
    `Dir::Etc "${root}/etc";`,
    `Dir::State "${root}";`,
    `Dir::State::status "${root}/status";`,
    `Dir::Cache "${root}/cache";`,
    `APT::Architecture "${debian.architecture}";`,
    `APT::Architectures "${debian.architecture}";`,
    'APT::Install-Recommends "false";',
    'APT::Sandbox::User "";',
    'Acquire::Languages "none";',
    ...(await readHostAptOptions(signal)),
  ];
  await writeFile(path.join(root, 'apt.conf'), `${configuration.join('\n')}\n`);
}

/** Of the lines `Inst NAME (VERSION Debian:…) [..]`. */
export function parseSimulation(output: string): PackageVersions {
  const versions = new Map<string, string>();
  for (const [, name, version] of output.matchAll(/^Inst (\S+) (?:\[[^\]]*\] )?\((\S+) /gm)) {
    versions.set(name!.replace(/:.*$/, ''), version!);
  }
  return versions;
}

/** Lines of `dpkg-query`: name, tab, version. */
export function parsePackageList(text: string): PackageVersions {
  const lines = text.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => line.split('\t') as [string, string]));
}

/** One line for each package that is not the same in both. */
export function describeChanges(before: PackageVersions, after: PackageVersions): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => `${name} ${before.get(name) ?? 'none'} -> ${after.get(name) ?? 'none'}`);
}
