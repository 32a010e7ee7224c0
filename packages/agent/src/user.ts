import { readFileSync } from 'node:fs';
import { BrowserVmError } from '@browser-vm/protocol';
import type { AgentOptions } from './options.ts';

/** Looks a user up in /etc/passwd. Throws `unknown_user`. */
export function lookUpUser(name: string, passwd = '/etc/passwd'): AgentOptions['user'] {
  for (const line of readFileSync(passwd, 'utf8').split('\n')) {
    const [user, , uid, gid, , home] = line.split(':');
    if (user === name && uid && gid && home) return { name, uid: Number(uid), gid: Number(gid), home };
  }
  throw new BrowserVmError({
    code: 'unknown_user',
    message: `no user ${name} in ${passwd}`,
    hop: 'agent',
    remedy: 'rebuild the image',
  });
}

/**
 * The command line that runs `argv` as the user, unable to gain privileges again: neither set-user-ID
 * programs nor file capabilities have an effect below it.
 */
export function asUser(user: AgentOptions['user'], argv: readonly string[]): string[] {
  return [
    'setpriv',
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    '--clear-groups',
    '--no-new-privs',
    '--',
    ...argv,
  ];
}

/** The environment every process of the user starts from: nothing of the agent's own. */
export function cleanEnvironment(
  options: Pick<AgentOptions, 'user' | 'toolPath' | 'display'>,
): Record<string, string> {
  return {
    HOME: options.user.home,
    USER: options.user.name,
    LOGNAME: options.user.name,
    SHELL: '/bin/sh',
    LANG: 'C.UTF-8',
    PATH: options.toolPath.join(':'),
    DISPLAY: `:${options.display}`,
  };
}
