import { readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { groupPrefixOf, MARK_VARIABLE } from '../slot/names.ts';
import { removeSlots } from '../slot/slot.ts';
import { removeGroups } from '../system/cgroup.ts';

/** A killed process is gone within milliseconds; one that waits for a disk takes longer. Milliseconds. */
const DEATH_TIMEOUT = 5000;

/**
 * Removes what an earlier controller with this run directory left behind: processes that carry its mark in
 * their environment, then the namespaces, then the directories. Nothing else on the host is touched.
 */
export async function reconcile(options: {
  readonly runDir: string;
  readonly mark: string;
  /** Ids of VMs that are ours and alive: they stay. */
  readonly keep: ReadonlySet<string>;
}): Promise<{ readonly processes: number; readonly namespaces: number; readonly directories: number }> {
  const vms = join(resolve(options.runDir), 'vms');
  const found = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const left: number[] = [];
  for (const pid of found) {
    if (pid !== process.pid && (await isLeft(pid, options.mark))) left.push(pid);
  }
  for (const pid of left) end(pid);
  await Promise.all(left.map(ended));
  await removeGroups(groupPrefixOf(options.mark));
  const namespaces = options.keep.size > 0 ? 0 : await removeSlots(options.mark);
  let directories = 0;
  for (const name of await readdir(vms).catch(() => [])) {
    if (options.keep.has(name)) continue;
    await rm(join(vms, name), { recursive: true, force: true });
    directories++;
  }
  return { processes: left.length, namespaces, directories };
}

/** A child of ours is no leftover, whatever it carries; what a VM's user could forge is only its own end. */
async function isLeft(pid: number, mark: string): Promise<boolean> {
  try {
    const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
    if (!environment.includes(`${MARK_VARIABLE}=${mark}`)) return false;
    const [, parent] = /^PPid:\s*(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(parent) !== process.pid;
  } catch {
    // It ended in between.
    return false;
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in between.
  }
}

async function ended(pid: number): Promise<void> {
  const until = performance.now() + DEATH_TIMEOUT;
  while (performance.now() < until) {
    const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
    // A zombie holds nothing any more; its parent may be a process that does not wait for it.
    if (state === null || / Z /.test(state)) return;
    await delay(10);
  }
}
