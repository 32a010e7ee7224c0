import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Directories of a state directory that the image builder owns. */
export function imagePaths(stateDir: string) {
  const images = path.join(stateDir, 'images');
  return {
    images,
    /** Finished parts by content key, reused by every image with the same part. */
    layers: path.join(images, '.layers'),
    /** Work in progress; whatever lies here when a build starts was left by one that was interrupted. */
    building: path.join(images, '.building'),
    lock: path.join(images, '.lock'),
    /** Symbolic link to the directory of the newest image that passed its checks. */
    current: path.join(images, 'current'),
  };
}
export type ImagePaths = ReturnType<typeof imagePaths>;

/** A finished layer: its directory, and whether it stood there already. */
export interface Layer {
  readonly directory: string;
  readonly cached: boolean;
}

/** The layer of that name; made by `make` in a directory that takes the name only when it is complete. */
export async function layer(
  paths: ImagePaths,
  name: string,
  make: (directory: string) => Promise<void>,
): Promise<Layer> {
  const directory = path.join(paths.layers, name);
  if (await exists(directory)) return { directory, cached: true };
  const building = path.join(paths.building, name);
  await rm(building, { recursive: true, force: true });
  await mkdir(building, { recursive: true });
  await make(building);
  await mkdir(paths.layers, { recursive: true });
  await rename(building, directory);
  return { directory, cached: false };
}

/** Its time is when what lies beside it was last found to be the newest there is. */
const CHECKED_FILE = '.checked';

export async function markChecked(directory: string, at: Date | null = new Date()): Promise<void> {
  if (at === null) return;
  const file = path.join(directory, CHECKED_FILE);
  await writeFile(file, '');
  await utimes(file, at, at);
}

/** Null when nobody ever looked. */
export async function checkedAt(directory: string): Promise<Date | null> {
  return stat(path.join(directory, CHECKED_FILE)).then(
    ({ mtime }) => mtime,
    () => null,
  );
}

/** Names of the layers that begin with `prefix`, the last found to be the newest first. */
export async function layersOf(paths: ImagePaths, prefix: string): Promise<string[]> {
  const names = (await readdir(paths.layers).catch(() => [])).filter((name) => name.startsWith(prefix));
  const times = new Map<string, number>();
  for (const name of names) times.set(name, (await checkedAt(path.join(paths.layers, name)))?.getTime() ?? 0);
  return names.sort((one, other) => times.get(other)! - times.get(one)!);
}

export async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
