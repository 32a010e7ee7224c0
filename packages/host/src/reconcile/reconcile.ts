import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removeSlots } from '../slot/slot.ts';

/** A killed process is gone within milliseconds; one that waits for a disk takes longer. Milliseconds. */
const DEATH_TIMEOUT = 5000;

/**
 * Removes what an earlier controller with this run directory left behind: processes that stand in it or in a
 * namespace with its mark, then the namespaces, then the directories. Nothing else on the host is touched.
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
    if (pid !== process.pid && (await isLeft(pid, vms, options.keep))) left.push(pid);
  }
  for (const pid of left) end(pid);
  await Promise.all(left.map(ended));
  const namespaces = options.keep.size > 0 ? 0 : await removeSlots(options.mark);
  let directories = 0;
  for (const name of await readdir(vms).catch(() => [])) {
    if (options.keep.has(name)) continue;
    await rm(join(vms, name), { recursive: true, force: true });
    directories++;
  }
  return { processes: left.length, namespaces, directories };
}

/** A monitor stands in its VM's directory and can change neither that nor its name's first word. */
async function isLeft(pid: number, vms: string, keep: ReadonlySet<string>): Promise<boolean> {
  try {
    const at = await readlink(`/proc/${pid}/cwd`);
    if (!at.startsWith(`${vms}/`)) return false;
    const name = at.slice(vms.length + 1).replace(/ \(deleted\)$/, '');
    if (keep.has(name)) return false;
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).startsWith('qemu-system');
  } catch {
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
