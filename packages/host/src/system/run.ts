import { spawn } from 'node:child_process';
import { BrowserVmError, type Hop } from '@browser-vm/protocol';

export interface RunOptions {
  /** Placed in the error. */
  readonly hop: Hop;
  readonly input?: string;
  readonly cwd?: string;
  /** Milliseconds; default 30,000. */
  readonly timeoutMs?: number;
}

/** Output beyond this is an error: nothing we run for its output says more. Bytes. */
const MAX_OUTPUT = 4 * 1024 * 1024;

/** Runs a program to its end and returns what it printed. Rejects with its command line and stderr. */
export async function run(command: string, argv: readonly string[], options: RunOptions): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, argv, {
    cwd: options.cwd,
    env: { PATH: SYSTEM_PATH, LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 30_000,
    killSignal: 'SIGKILL',
  });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  let bytes = 0;
  const collect = (into: Buffer[]) => (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_OUTPUT) child.kill('SIGKILL');
    else into.push(chunk);
  };
  child.stdout.on('data', collect(output));
  child.stderr.on('data', collect(errors));
  // A program that ends without reading its input is judged by its exit code.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const failed = (why: string, code: string, cause?: unknown) =>
    reject(
      new BrowserVmError(
        { code, message: `${[command, ...argv].join(' ')}: ${why}`, hop: options.hop },
        { cause },
      ),
    );
  child.once('error', (error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT'
      ? failed('not installed', 'program_missing', error)
      : failed(error.message, 'program_failed', error),
  );
  child.once('close', (code, signal) => {
    if (code === 0) return resolve(Buffer.concat(output).toString());
    const said = Buffer.concat(errors).toString().trim();
    failed(said === '' ? (signal ?? `exit code ${code}`) : said, 'program_failed');
  });
  return promise;
}

/** Where Debian keeps what we run, whatever the environment says. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
