import { connect } from 'node:net';
import { join } from 'node:path';

/**
 * Gives a command line to the Chromium that runs with `profile`, as a second `chromium` process does:
 * fields separated by NUL on its singleton socket. Starting that second process costs seconds under
 * emulation, and it refuses a profile whose lock names another host name, as after a resume.
 * Rejects when the browser does not acknowledge it, after `timeoutMs` of silence at the latest.
 */
export function sendCommandLine(profile: string, argv: readonly string[], timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(join(profile, 'SingletonSocket'));
    const fail = (why: string) => {
      socket.destroy();
      reject(new Error(why));
    };
    socket.setTimeout(timeoutMs, () => fail(`no answer in ${Math.round(timeoutMs / 100) / 10} s`));
    socket.once('connect', () => socket.write(['START', '/', ...argv].join('\0')));
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      answer += text;
      if (!answer.startsWith('ACK')) return;
      socket.destroy();
      resolve();
    });
    socket.once('error', (error) => fail(error.message));
    socket.once('end', () => fail(`it answered ${JSON.stringify(answer.slice(0, 32))}`));
  });
}
