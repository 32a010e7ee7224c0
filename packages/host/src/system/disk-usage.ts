import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Room that a directory takes on its disk, holes not counted. MB of 10^6 bytes. */
export async function diskUsageMb(directory: string): Promise<number> {
  return Math.round((await bytesOf(directory)) / 1e6);
}

async function bytesOf(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) bytes += await bytesOf(path);
    else bytes += 512 * ((await lstat(path).catch(() => null))?.blocks ?? 0);
  }
  return bytes;
}
