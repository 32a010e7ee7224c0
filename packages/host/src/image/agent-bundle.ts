import { readdir, readFile, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { BrowserVmError } from '@browser-vm/protocol';
import { build, stop } from 'esbuild';
import { contentKey } from './content-key.ts';
import type { CpioEntry } from './cpio.ts';
import { exists } from './layers.ts';

/** Packages of the agent with native parts, which no bundle can hold, each after the one that needs it. */
const NATIVE_PACKAGES = [
  { name: '@lydell/node-pty', neededBy: null },
  { name: '@lydell/node-pty-linux-x64', neededBy: '@lydell/node-pty' },
  { name: 'koffi', neededBy: null },
  { name: '@koromix/koffi-linux-x64', neededBy: 'koffi' },
] as const;

/** What of a native package a guest loads: code and prebuilt binaries for glibc. */
const LOADED = /^(?!.*(?:^|\/)(?:vendor|musl_\w+|cnoke\.cjs)(?:\/|$)).*\.(?:js|cjs|mjs|json|node)$/;

export interface AgentBundle {
  /** Hash of all its files; the agent reads it from the file `version` beside itself. */
  readonly version: string;
  /** Names relative to the agent's directory. */
  readonly files: readonly CpioEntry[];
}

/** The agent as one program with its native part. `entry` is its main module. */
export async function bundleAgent(
  repositoryRoot: string,
  entry = path.join(repositoryRoot, 'packages/agent/src/main.ts'),
): Promise<AgentBundle> {
  // Names in the bundle are relative to it: the same commit gives the same bytes wherever it lies.
  const absWorkingDir = await realpath(repositoryRoot);
  const result = await whileBundling(() =>
    build({
      entryPoints: [entry],
      absWorkingDir,
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      external: NATIVE_PACKAGES.map(({ name }) => name),
      // Packages in the older module format find `require` when they ask for it.
      banner: {
        js: "import { createRequire as requireOfBundle } from 'node:module';\nconst require = requireOfBundle(import.meta.url);",
      },
      legalComments: 'none',
      logLevel: 'silent',
    }),
  ).catch((cause) => {
    throw new BrowserVmError(
      {
        code: 'agent_bundle_failed',
        message: `the agent cannot be bundled: ${cause instanceof Error ? cause.message : String(cause)}`,
        hop: 'image',
      },
      { cause },
    );
  });
  const files: CpioEntry[] = [
    { name: 'agent.mjs', mode: 0o100644, content: result.outputFiles[0]!.contents },
  ];
  const found = new Map<string | null, string>([[null, path.join(repositoryRoot, 'packages/agent')]]);
  for (const { name, neededBy } of NATIVE_PACKAGES) {
    const directory = await findPackage(name, found.get(neededBy)!);
    found.set(name, directory);
    files.push(...(await packageFiles(name, directory)));
  }
  const version = contentKey(files.flatMap(({ name, content }) => [name, content ?? '']));
  files.push({ name: 'version', mode: 0o100644, content: Buffer.from(`${version}\n`) });
  return { version, files };
}

let bundling = 0;

/** The bundler's process lives no longer than the work that needs it. */
async function whileBundling<Result>(work: () => Promise<Result>): Promise<Result> {
  bundling += 1;
  try {
    return await work();
  } finally {
    bundling -= 1;
    if (bundling === 0) await stop();
  }
}

/** The directory in which Node.js finds package `name` when asked from `from`. */
async function findPackage(name: string, from: string): Promise<string> {
  const candidates = createRequire(path.join(from, 'package.json')).resolve.paths(name) ?? [];
  for (const candidate of candidates) {
    const directory = path.join(candidate, name);
    if (await exists(path.join(directory, 'package.json'))) return directory;
  }
  throw new BrowserVmError({
    code: 'agent_bundle_failed',
    message: `the agent needs the package ${name}, which is not installed`,
    hop: 'image',
    remedy: 'run: npm ci',
  });
}

async function packageFiles(name: string, directory: string): Promise<CpioEntry[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  const names = found
    .filter((file) => file.isFile())
    .map((file) => path.relative(directory, path.join(file.parentPath, file.name)))
    .filter((file) => LOADED.test(file))
    .sort();
  return Promise.all(
    names.map(async (file) => ({
      name: `node_modules/${name}/${file}`,
      mode: 0o100644,
      content: await readFile(path.join(directory, file)),
    })),
  );
}
