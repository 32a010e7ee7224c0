import { chmodSync, type FSWatcher, mkdirSync, rmSync, watch } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { AgentOptions } from '../options.ts';
import { asUser, cleanEnvironment } from '../user.ts';
import { HUGE_PAGE_ENVIRONMENT } from './framebuffer.ts';
import { writeKeymap } from './keymap.ts';
import type { Command } from './supervised.ts';

const SOCKETS = '/tmp/.X11-unix';

/** The X server, which is the VNC server too. Pixels. `staysInPlace`: its picture stays where it is in memory. */
export function displayCommand(
  options: AgentOptions,
  size: { width: number; height: number },
  staysInPlace: boolean,
): Command {
  const keymap = join(options.runtimeDirectory, 'xkb');
  const argv = asUser(options.user, [
    'Xtigervnc',
    `:${options.display}`,
    ...['-geometry', `${size.width}x${size.height}`],
    ...['-depth', '24'],
    // Only the host reaches this port: the slot's firewall and the VM's own wire see to it.
    ...['-SecurityTypes', 'None'],
    ...['-rfbport', String(options.vncPort)],
    ...(options.loopbackOnly ? ['-localhost'] : []),
    // The first change after a rest is sent after half of such a frame, so this is more than any page paints.
    ...['-FrameRate', '120'],
    ...['-xkbdir', keymap],
    '-AlwaysShared',
    // What is selected was not copied: it must not replace what a person has on the clipboard.
    '-SendPrimary=0',
    ...['-nolisten', 'tcp'],
    '-noreset',
  ]);
  return {
    name: 'display',
    argv: () => argv,
    env: { ...cleanEnvironment(options), ...(staysInPlace ? HUGE_PAGE_ENVIRONMENT : {}) },
    beforeStart: () => {
      makeSocketDirectory();
      writeKeymap(keymap);
      // A killed server leaves these, and another process may have its number by now.
      rmSync(`/tmp/.X${options.display}-lock`, { force: true });
      rmSync(displaySocket(options.display), { force: true });
    },
  };
}

export function displaySocket(display: number): string {
  return `${SOCKETS}/X${display}`;
}

/** Resolves when the X server accepts connections. Rejects when `signal` aborts. */
export async function displayAccepts(display: number, signal: AbortSignal): Promise<void> {
  const path = displaySocket(display);
  makeSocketDirectory();
  const watcher = watch(SOCKETS);
  try {
    while (!(await accepts(path))) await change(watcher, signal);
  } finally {
    watcher.close();
  }
}

/** Every user's servers put their sockets there. By chmod, since mkdir's mode is cut by the umask. */
function makeSocketDirectory(): void {
  mkdirSync(SOCKETS, { recursive: true });
  chmodSync(SOCKETS, 0o1777);
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Milliseconds; the socket's name may appear before its server listens, and no event tells that. */
const RETRY = 100;

function change(watcher: FSWatcher, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      watcher.off('change', done);
      signal.removeEventListener('abort', aborted);
      resolve();
    };
    const aborted = () => {
      done();
      reject(signal.reason);
    };
    const timer = setTimeout(done, RETRY);
    watcher.once('change', done);
    signal.addEventListener('abort', aborted, { once: true });
    if (signal.aborted) aborted();
  });
}
