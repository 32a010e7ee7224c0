import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { BrowserVmError } from '@browser-vm/protocol';

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** Each line of standard output and standard error, as it comes. */
  readonly onLine?: (line: string) => void;
}

/** Lines of a failed command's output that its error carries. */
const TAIL_LINES = 15;

/**
 * Runs a command to its end and returns its standard output. It ends with this process, whatever ends
 * this process. Throws `command_failed` with the last lines of its output.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  options.signal?.throwIfAborted();
  // pdeathsig: a builder that is killed leaves nothing running that would write into the next build.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const abort = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It ended by itself in between.
    }
  };
  options.signal?.addEventListener('abort', abort, { once: true });
  const output: string[] = [];
  const tail: string[] = [];
  const take = (line: string) => {
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    options.onLine?.(line);
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    output.push(line);
    take(line);
  });
  createInterface({ input: child.stderr }).on('line', take);
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve(exitCode ?? signal));
  }).finally(() => options.signal?.removeEventListener('abort', abort));
  options.signal?.throwIfAborted();
  if (code !== 0) {
    throw new BrowserVmError({
      code: 'command_failed',
      message: `${command} ended with ${code}: ${tail.at(-1) ?? 'it said nothing'}`,
      hop: 'image',
      details: { command: [command, ...args].join(' '), output: tail },
    });
  }
  return output.join('\n');
}
