import { chownSync, constants, lstatSync, mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { BrowserVmError, type ProviderDescriptor } from '@browser-vm/protocol';
import type { AgentOptions } from '../options.ts';

/** Writes what the provider wants to find in HOME, as the user's own, mode 0600. */
export async function writePreparedFiles(
  user: AgentOptions['user'],
  files: ProviderDescriptor['login']['prepareFiles'],
): Promise<void> {
  for (const { path, content } of files) {
    makeDirectories(user, dirname(belowHome(path)));
    const file = await open(
      join(user.home, path),
      constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
      0o600,
    );
    await file.writeFile(content);
    await file.chown(user.uid, user.gid);
    await file.close();
  }
}

/** The path, when it stays below HOME. Throws `invalid_path`. */
export function belowHome(path: string): string {
  const normal = normalize(path);
  if (!isAbsolute(normal) && normal !== '.' && normal !== '..' && !normal.startsWith('../')) return normal;
  throw new BrowserVmError(
    { code: 'invalid_path', message: `${path} is not below HOME`, hop: 'request' },
    { status: 400 },
  );
}

function makeDirectories(user: AgentOptions['user'], path: string): void {
  let made = user.home;
  for (const part of path.split('/')) {
    if (part === '.') continue;
    made = join(made, part);
    if (lstatSync(made, { throwIfNoEntry: false }) !== undefined) continue;
    mkdirSync(made, { mode: 0o700 });
    chownSync(made, user.uid, user.gid);
  }
}
