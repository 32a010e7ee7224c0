import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A group with a limit of its own, which must be empty when it is removed. */
export interface MemoryGroup {
  remove(): Promise<void>;
}

interface Hierarchy {
  readonly root: string;
  readonly limitFile: string;
}

/**
 * Puts a process under a memory limit of the kernel's. Null where the memory controller is not ours to use,
 * as in many containers: the limits within the process then stand alone.
 */
export async function limitMemory(name: string, pid: number, bytes: number): Promise<MemoryGroup | null> {
  const hierarchy = await find();
  if (hierarchy === null) return null;
  const group = join(hierarchy.root, name);
  try {
    await mkdir(group);
    await writeFile(join(group, hierarchy.limitFile), String(bytes));
    await writeFile(join(group, 'cgroup.procs'), String(pid));
  } catch {
    await rmdir(group).catch(() => {});
    return null;
  }
  return { remove: () => removeGroup(group) };
}

/** The kernel lets go of a group a moment after the last process in it ended. Milliseconds. */
const RELEASE_TIMEOUT = 2000;

async function removeGroup(group: string): Promise<void> {
  const until = performance.now() + RELEASE_TIMEOUT;
  for (;;) {
    try {
      return await rmdir(group);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || performance.now() > until) throw error;
      await delay(10);
    }
  }
}

/** How willingly the kernel ends a VM's process when memory runs out in spite of all: before anything else. */
const FIRST_TO_GO = '800';

/** A process that may be ended rather than the controller, its database, or another program of the host. */
export async function offerToOomKiller(pid: number): Promise<void> {
  // It may have ended by itself already.
  await writeFile(`/proc/${pid}/oom_score_adj`, FIRST_TO_GO).catch(() => {});
}

/** What an earlier controller left; its processes must be gone. */
export async function removeGroups(prefix: string): Promise<void> {
  const hierarchy = await find();
  if (hierarchy === null) return;
  for (const name of await readdir(hierarchy.root).catch(() => [])) {
    if (name.startsWith(prefix)) await rmdir(join(hierarchy.root, name)).catch(() => {});
  }
}

/** Version 2 with the memory controller handed down, else version 1. */
async function find(): Promise<Hierarchy | null> {
  const enabled = await readFile('/sys/fs/cgroup/cgroup.subtree_control', 'utf8').catch(() => '');
  if (enabled.split(/\s+/).includes('memory')) return { root: '/sys/fs/cgroup', limitFile: 'memory.max' };
  const first = '/sys/fs/cgroup/memory';
  const limitFile = 'memory.limit_in_bytes';
  return (await readdir(first).catch((): string[] => [])).includes(limitFile)
    ? { root: first, limitFile }
    : null;
}
