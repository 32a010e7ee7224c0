import { spawn } from 'node:child_process';
import { lastLines } from '../redact.ts';

/** Milliseconds; local commands that take 0.1 to 0.5 s, far more under emulation. */
const TIMEOUT = 120_000;
/** Characters of output kept. */
const KEPT = 16_384;

export interface StatusAnswer {
  readonly exitCode: number | null;
  readonly lastLines: readonly string[];
}

/** Runs a tool's status command. Its output is kept for a fault, redacted. */
export function askStatus(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  directory: string,
  signal: AbortSignal,
): Promise<StatusAnswer> {
  const [file = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    let output = '';
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]);
    const child = spawn(file, args, {
      env,
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: limit,
      killSignal: 'SIGKILL',
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-KEPT);
      });
    }
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, lastLines: lastLines(output, 3) }));
  });
}
