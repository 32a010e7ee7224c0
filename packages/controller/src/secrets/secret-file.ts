import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BrowserVmError } from '@browser-vm/protocol';

/** Permission bits of anyone but the owner. */
const OTHERS = 0o077;

/**
 * The secret kept at `<stateDir>/secrets/NAME`, made on first use with mode 0600.
 * Rejects with `secret_readable_by_others` when the file's mode is wider.
 */
export async function readOrCreateSecret(
  stateDirectory: string,
  name: string,
  create: () => string,
): Promise<string> {
  const path = join(stateDirectory, 'secrets', name);
  try {
    return await readSecret(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await createWhole(path, create());
  return readSecret(path);
}

async function readSecret(path: string): Promise<string> {
  const { mode } = await stat(path);
  if ((mode & OTHERS) !== 0) {
    throw new BrowserVmError({
      code: 'secret_readable_by_others',
      message: `${path} has mode ${(mode & 0o777).toString(8).padStart(4, '0')}; only its owner may read it`,
      hop: 'configuration',
      remedy: `chmod 600 ${path}, and replace the secret if others could have read it`,
    });
  }
  const secret = (await readFile(path, 'utf8')).trim();
  if (secret === '') {
    throw new BrowserVmError({
      code: 'secret_empty',
      message: `${path} is empty`,
      hop: 'configuration',
      remedy: 'restore it from a backup; what it encrypted cannot be read without it',
    });
  }
  return secret;
}

/** Appears under its name only when it is whole; a concurrent creator's file wins. */
async function createWhole(path: string, secret: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(`${secret}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error;
    });
  } finally {
    await rm(temporary, { force: true });
  }
}

function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT');
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
