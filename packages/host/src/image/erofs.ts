import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from './run.ts';

/** The time every file in an image has, in seconds since 1970; hooks get it as SOURCE_DATE_EPOCH. */
export const FILE_TIME = 1_577_836_800;

/**
 * Packs `directory` as a read-only file system without compression: pages go from the host's page cache
 * to the guest as they are, and all VMs of a host share them. The layer's name is written into it, for
 * the initrd to know it by.
 */
export async function packErofs(
  directory: string,
  name: string,
  file: string,
  signal?: AbortSignal,
): Promise<void> {
  await writeFile(path.join(directory, '.layer'), `${name}\n`, { mode: 0o644 });
  // A fixed time and identifier: the same directory gives the same bytes.
  const fixed = ['-T', String(FILE_TIME), '-U', '00000000-0000-4000-8000-000000000000'];
  await run('mkfs.erofs', ['--quiet', ...fixed, file, directory], signal ? { signal } : {});
}
