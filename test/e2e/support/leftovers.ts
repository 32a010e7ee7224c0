import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Everything a VM and its streamer could leave behind, as comparable lines. */
export async function machineState(runDir: string): Promise<string[]> {
  const [namespaces, links, sockets, files, processes] = await Promise.all([
    run('ip', ['-o', 'netns', 'list']),
    run('ip', ['-o', 'link', 'show']),
    run('ss', ['-H', '-a', '-n', '-t', '-u', '-x', '-l', '-p']),
    readdir(runDir, { recursive: true }).catch(() => []),
    relatedProcesses(runDir),
  ]);
  return [
    ...namespaces.stdout
      .split('\n')
      .filter((line) => line.startsWith('bvm-'))
      .map((line) => `namespace ${line.split(' ')[0]}`),
    ...links.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => `link ${line.split(': ')[1]}`),
    ...sockets.stdout
      .split('\n')
      .filter((line) => line.includes(runDir) || /^(tcp|udp)/.test(line))
      .map((line) => `socket ${line.replace(/\s+/g, ' ')}`),
    ...files.map((file) => `file ${file}`),
    ...processes,
  ].sort();
}

/** Monitors, streamers and resolvers, by what stands in their command lines. */
async function relatedProcesses(runDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const commandLine = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    const words = commandLine.split('\0');
    const ours =
      commandLine.includes(runDir) || words.some((word) => word.endsWith('packages/streamer/src/main.ts'));
    if (ours && Number(entry) !== process.pid) found.push(`process ${entry} ${words.slice(0, 3).join(' ')}`);
  }
  return found;
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
    const left = now.filter((line) => !before.includes(line));
    if (left.length === 0 || Date.now() > deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
