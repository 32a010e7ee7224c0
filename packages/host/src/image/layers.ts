import { mkdir, rename, rm, stat } from 'node:fs/promises';
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

export async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
