import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { loadConfiguration } from '@browser-vm/controller';
import type { Api } from './api.ts';
import type { ControllerProcess } from './controller-process.ts';

const run = promisify(execFile);

/** What a host writes into names and environments of everything that belongs to one run directory. */
function markOf(runDir: string): string {
  return createHash('sha256').update(runDir).digest('hex').slice(0, 6);
}

/** Processes started for the VMs of one run directory, by what their environment carries. */
export async function markedProcesses(runDir: string): Promise<Array<{ pid: number; program: string }>> {
  const mark = `BROWSER_VM_MARK=${markOf(runDir)}`;
  const found: Array<{ pid: number; program: string }> = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const environment = await readFile(`/proc/${entry}/environ`, 'utf8').catch(() => '');
    if (!environment.split('\0').includes(mark)) continue;
    const program = await readFile(`/proc/${entry}/comm`, 'utf8').catch(() => '');
    found.push({ pid: Number(entry), program: program.trim() });
  }
  return found;
}

/**
 * Everything a VM and its streamer could leave behind, as comparable lines. Without numbers and names that differ from
 * VM to VM: what the pool makes anew is as good as what it gave away.
 */
export async function machineState(runDir: string): Promise<string[]> {
  const mark = markOf(runDir);
  const [namespaces, links, tables, sockets, files, groups, processes] = await Promise.all([
    lines('ip', '-o', 'netns', 'list'),
    lines('ip', '-o', 'link', 'show'),
    lines('nft', 'list', 'tables'),
    lines('ss', '-H', '-n', '-t', '-u', '-l', '-p'),
    readdir(runDir, { recursive: true }).catch(() => []),
    controlGroups(mark),
    markedProcesses(runDir),
  ]);
  return [
    ...namespaces
      .filter((line) => line.startsWith(`bvm-${mark}-`))
      .map((line) => `namespace ${line.split(' ')[0]}`),
    ...links.map((line) => `link ${line.split(': ')[1]}`),
    ...tables.map((line) => `firewall ${line}`),
    // Columns are as wide as their widest line, the last one too.
    ...sockets.map((line) => `socket ${line.replace(/\s+/g, ' ').trim()}`),
    ...files.map((file) => `file ${file}`),
    ...groups.map((group) => `control group ${group}`),
    ...processes.map(({ pid, program }) => `process ${pid} ${program}`),
  ]
    .map((line) => line.replace(/vm-[0-9a-f]{12}/g, 'vm-ID').replace(/\d+/g, 'N'))
    .sort();
}

/**
 * The state of a controller at rest, with a full pool: spare slots and streamers, and their sockets, come behind the VM that
 * the next start takes, which rehearses as long as the machine makes it.
 */
export async function stateAtRest(
  { runDir, environment }: ControllerProcess,
  api: Api,
  limitMs = 180_000,
): Promise<string[]> {
  const wanted = await loadConfiguration({ env: environment });
  const deadline = Date.now() + limitMs;
  for (;;) {
    const { pool } = await api.hostUsage();
    if (
      pool?.slots === wanted.BROWSER_VM_POOL_SLOTS &&
      pool.streamers === wanted.BROWSER_VM_POOL_STREAMERS &&
      pool.warm === wanted.BROWSER_VM_WARM
    )
      return machineState(runDir);
    if (Date.now() > deadline) throw new Error(`the pool stays at ${JSON.stringify(pool)}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function lines(program: string, ...args: string[]): Promise<string[]> {
  const { stdout } = await run(program, args);
  return stdout.split('\n').filter((line) => line !== '');
}

async function controlGroups(mark: string): Promise<string[]> {
  const { stdout } = await run('find', ['/sys/fs/cgroup', '-type', 'd', '-name', `bvm-${mark}-*`]);
  return stdout.split('\n').filter((line) => line !== '');
}

/** Lines of `now` that `before` has not, or not as often. */
function beyond(now: readonly string[], before: readonly string[]): string[] {
  const rest = [...before];
  return now.filter((line) => {
    const index = rest.indexOf(line);
    if (index >= 0) rest.splice(index, 1);
    return index < 0;
  });
}

/** What is there now that was not there before; waits for the last to go, since some end a moment later. */
export async function leftovers(
  before: readonly string[],
  runDir: string,
  limitMs = 20_000,
): Promise<string[]> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const now = await machineState(runDir);
    const left = beyond(now, before);
    if (left.length === 0 || Date.now() > deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
