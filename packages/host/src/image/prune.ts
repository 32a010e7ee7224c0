import { readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { removeUnlessLeased } from '../system/lease.ts';
import { imagePaths } from './layers.ts';
import { MANIFEST_FILE } from './open.ts';

/** Names of layers that an image was assembled from, one a line, for the pruner. */
export const LAYERS_FILE = 'layers';

export interface PruneOptions {
  readonly stateDir: string;
  /** How many images besides the current one stay, newest first; templates may still stand on them. */
  readonly keep?: number;
}

/** Removes old images that no template in use stands on, and the layers only they used. Returns the ids of what was removed. */
export async function pruneImages({ stateDir, keep = 1 }: PruneOptions): Promise<string[]> {
  const paths = imagePaths(stateDir);
  const current = await readlink(paths.current).catch(() => null);
  const ids = (await readdir(paths.images).catch(() => [])).filter((name) => /^[0-9a-f]{16}$/.test(name));
  const images = await Promise.all(
    ids.map(async (id) => {
      const manifest = await stat(path.join(paths.images, id, MANIFEST_FILE)).catch(() => null);
      return { id, time: manifest?.mtimeMs ?? 0 };
    }),
  );
  const others = images.filter(({ id }) => id !== current).sort((a, b) => b.time - a.time);
  const removed: string[] = [];
  for (const { id } of others.slice(keep)) {
    if (await removeUnlessLeased(path.join(paths.images, id), MANIFEST_FILE)) removed.push(id);
  }

  const used = new Set<string>();
  for (const id of ids.filter((candidate) => !removed.includes(candidate))) {
    const layers = await readFile(path.join(paths.images, id, LAYERS_FILE), 'utf8').catch(() => '');
    for (const name of layers.split('\n')) used.add(name);
  }
  for (const name of await readdir(paths.layers).catch(() => [])) {
    if (!used.has(name)) await rm(path.join(paths.layers, name), { recursive: true, force: true });
  }
  return removed;
}
