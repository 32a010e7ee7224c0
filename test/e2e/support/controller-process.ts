import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const repositoryRoot = path.resolve(import.meta.dirname, '../../..');

/** Where the set-up put the image. */
const SHARED_STATE = process.env.BROWSER_VM_STATE_DIR ?? '/var/lib/browser-vm';

/** What is kept between test runs: a template and the authority it trusts; both can be removed at any time. */
export const KEEP = path.join(SHARED_STATE, 'tests');

/** The real controller, started by the product's own command, with a state directory of its own. */
export interface ControllerProcess {
  readonly url: string;
  /** What it was started with. */
  readonly environment: Readonly<Record<string, string>>;
  readonly runDir: string;
  readonly pid: number;
  /** A fresh link that signs a browser in to the dashboard, once. */
  newSignInLink(): Promise<string>;
  /** Ends it the way Ctrl-C does and resolves with its exit code. */
  stop(): Promise<number | null>;
  /** Stops it if it still runs and removes its directories. */
  remove(): Promise<void>;
  /** What it printed so far. */
  output(): string;
}

/** Making a template boots a VM under emulation, with a browser in it. Milliseconds. */
const START_LIMIT = 600_000;

export async function startController(environment: Record<string, string>): Promise<ControllerProcess> {
  const base = await mkdtemp(path.join(os.tmpdir(), 'browser-vm-e2e-'));
  const stateDir = path.join(base, 'state');
  const runDir = path.join(base, 'run');
  await mkdir(stateDir, { recursive: true, mode: 0o755 });
  await mkdir(runDir, { recursive: true, mode: 0o755 });
  // Monitors run as users of their own and must be able to walk to their files.
  await chmod(base, 0o755);
  await symlink(path.join(SHARED_STATE, 'images'), path.join(stateDir, 'images'));
  await mkdir(path.join(KEEP, 'templates'), { recursive: true, mode: 0o755 });
  await symlink(path.join(KEEP, 'templates'), path.join(stateDir, 'templates'));

  const ownEnvironment = {
    PATH: process.env.PATH ?? '',
    BROWSER_VM_STATE_DIR: stateDir,
    BROWSER_VM_RUN_DIR: runDir,
    ...environment,
  };
  const child = spawn(process.execPath, ['packages/cli/src/main.ts', 'up', '--no-set-up'], {
    cwd: repositoryRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: ownEnvironment,
  });
  const lines: string[] = [];
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const links = await waitForLink(child, lines).catch(async (error) => {
    child.kill('SIGTERM');
    await exited;
    await rm(base, { recursive: true, force: true });
    throw error;
  });
  const stop = () => {
    if (child.exitCode === null) child.kill('SIGTERM');
    return exited;
  };
  return {
    url: links.url,
    environment: ownEnvironment,
    runDir,
    pid: child.pid ?? 0,
    output: () => lines.join('\n'),
    async newSignInLink() {
      const { stdout } = await run(process.execPath, ['packages/cli/src/main.ts', 'link'], {
        cwd: repositoryRoot,
        env: ownEnvironment,
      });
      return stdout.trim();
    },
    stop,
    async remove() {
      await stop();
      await rm(base, { recursive: true, force: true });
    },
  };
}

function waitForLink(child: ChildProcess, lines: string[]): Promise<{ url: string; signInLink: string }> {
  return new Promise((resolve, reject) => {
    let url = '';
    const timer = setTimeout(() => reject(new Error(`no sign-in link:\n${lines.join('\n')}`)), START_LIMIT);
    child.once('close', (code) => {
      clearTimeout(timer);
      reject(new Error(`the controller ended with ${code}:\n${lines.join('\n')}`));
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        if (line.startsWith('template: ')) console.log(`# ${line}`);
        url = /running on (\S+)/.exec(line)?.[1] ?? url;
        const signInLink = /Open the dashboard: (\S+)/.exec(line)?.[1];
        if (signInLink === undefined) return;
        clearTimeout(timer);
        resolve({ url, signInLink });
      });
    }
  });
}
