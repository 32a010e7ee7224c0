import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { BrowserVmError } from '@browser-vm/protocol';

const SOURCES = [
  'packages/dashboard/{src,public}/**/*',
  'packages/dashboard/*.{html,ts,json}',
  'packages/protocol/src/**/*.ts',
  'package-lock.json',
];

/** Builds the dashboard's pages unless those that stand there came from the same sources. */
export async function buildDashboard(
  repositoryRoot: string,
  progress: (line: string) => void,
): Promise<void> {
  const directory = path.join(repositoryRoot, 'packages/dashboard');
  const stampFile = path.join(directory, 'dist/.built-from');
  const key = await hashSources(repositoryRoot);
  if ((await readFile(stampFile, 'utf8').catch(() => '')) === key) {
    progress('unchanged');
    return;
  }
  const vitePackage = createRequire(path.join(directory, 'package.json')).resolve('vite/package.json');
  const child = spawn(process.execPath, [path.join(path.dirname(vitePackage), 'bin/vite.js'), 'build'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) {
    throw new BrowserVmError({
      code: 'dashboard_build_failed',
      message: `the dashboard did not build: ${output.trim().split('\n').slice(-5).join(' / ')}`,
      hop: 'host',
      remedy: 'remove node_modules and run the same command again',
    });
  }
  await writeFile(stampFile, key);
  progress('built');
}

async function hashSources(repositoryRoot: string): Promise<string> {
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap((pattern) => globSync(pattern, { cwd: repositoryRoot })).sort()) {
    const absolute = path.join(repositoryRoot, file);
    if (!(await stat(absolute)).isFile()) continue;
    hash
      .update(file)
      .update('\0')
      .update(await readFile(absolute));
  }
  return hash.digest('hex');
}
