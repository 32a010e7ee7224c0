import { readdirSync, readFileSync } from 'node:fs';

/** Running processes of a process group: a program that was started by its supervisor, and its helpers. */
export function* processesOf(group: number): Generator<{ pid: number; commandLine: string }> {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]) !== group) continue;
      yield { pid: Number(name), commandLine: readFileSync(`/proc/${name}/cmdline`, 'utf8') };
    } catch {
      // It ended while we looked.
    }
  }
}
