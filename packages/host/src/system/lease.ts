import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Says that a directory's files are in use, until it is released or this process is gone. */
export interface Lease {
  release(): Promise<void>;
}

/**
 * Keeps `directory` from being removed by `removeUnlessLeased`, here or in another controller that shares it.
 * The kernel holds the lock as long as our descriptor of `file` is open. Null when the directory is gone.
 */
export async function lease(directory: string, file: string): Promise<Lease | null> {
  const handle = await open(join(directory, file), 'r').catch(() => null);
  if (handle === null) return null;
  if (await lock(handle, '--shared')) {
    let released: Promise<void> | null = null;
    return {
      release() {
        released ??= handle.close();
        return released;
      },
    };
  }
  // Whoever holds it exclusively is removing it.
  await handle.close();
  return null;
}

/** False when somebody uses it; a directory without `file` is in nobody's use. */
export async function removeUnlessLeased(directory: string, file: string): Promise<boolean> {
  const handle = await open(join(directory, file), 'r').catch(() => null);
  try {
    if (handle !== null && !(await lock(handle, '--exclusive'))) return false;
    await rm(directory, { recursive: true, force: true });
    return true;
  } finally {
    await handle?.close();
  }
}

/** The lock belongs to the open file, which the program inherits, and so stays when the program has ended. */
async function lock(handle: FileHandle, kind: '--shared' | '--exclusive'): Promise<boolean> {
  const child = spawn('flock', [kind, '--nonblock', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', handle.fd],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0;
}
