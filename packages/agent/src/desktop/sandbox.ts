import { readFileSync, readlinkSync } from 'node:fs';
import { BrowserVmError } from '@browser-vm/protocol';
import { processesOf } from './processes.ts';

/** Of /proc/PID/status: a filter of system calls is in force. */
const FILTERED = /^Seccomp:\t2$/m;

/**
 * Sees in the kernel's own words that pages run in Chromium's sandbox: each renderer below a filter of
 * system calls and in a user namespace of its own. Throws `browser_not_sandboxed`.
 */
export function checkSandbox(browserPid: number): void {
  const outside = readlinkSync('/proc/self/ns/user');
  let renderers = 0;
  for (const { pid, commandLine } of processesOf(browserPid)) {
    if (!commandLine.includes('--type=renderer')) continue;
    const confined = look(pid);
    if (confined === null) continue;
    renderers += 1;
    if (!FILTERED.test(confined.status)) throw notSandboxed('no filter of system calls');
    if (confined.userNamespace === outside) throw notSandboxed('no user namespace of its own');
  }
  if (renderers === 0) throw notSandboxed('no process of its own');
}

/** null: it ended while we looked. */
function look(pid: number): { status: string; userNamespace: string } | null {
  try {
    return {
      status: readFileSync(`/proc/${pid}/status`, 'utf8'),
      userNamespace: readlinkSync(`/proc/${pid}/ns/user`),
    };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw error;
  }
}

function notSandboxed(what: string): BrowserVmError {
  return new BrowserVmError({
    code: 'browser_not_sandboxed',
    message: `the browser shows a page outside its sandbox: the renderer has ${what}`,
    hop: 'browser',
    remedy: 'allow unprivileged user namespaces in the kernel of the image',
  });
}
