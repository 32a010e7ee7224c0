import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { stateDirectory } from '@browser-vm/protocol';

const run = promisify(execFile);

export const repositoryRoot = path.resolve(import.meta.dirname, '../../..');

/** Where the set-up put the image. */
const SHARED_STATE = stateDirectory(process.env);

/** What is kept between test runs: a template and the authority it trusts; both can be removed at any time. */
export const KEEP = path.join(SHARED_STATE, 'tests');

/** Making a template boots a VM under emulation, with a browser in it. Milliseconds. */
const START_LIMIT = 600_000;

/** The real controller, run by the product's own command, with a state directory of its own. */
export class ControllerProcess {
  readonly runDir: string;
  /** What it is started with. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #base: string;
  readonly #lines: string[] = [];
  #child: ChildProcess | null = null;
  #url = '';

  private constructor(base: string, environment: Readonly<Record<string, string>>) {
    this.#base = base;
    this.runDir = path.join(base, 'run');
    this.environment = {
      PATH: process.env.PATH ?? '',
      BROWSER_VM_STATE_DIR: path.join(base, 'state'),
      BROWSER_VM_RUN_DIR: this.runDir,
      ...environment,
    };
  }

  /** Resolves when it listens. */
  static async start(environment: Readonly<Record<string, string>>): Promise<ControllerProcess> {
    const base = await mkdtemp(path.join(os.tmpdir(), 'browser-vm-e2e-'));
    // Monitors run as users of their own and must be able to walk to their files.
    await chmod(base, 0o755);
    const controller = new ControllerProcess(base, environment);
    await mkdir(path.join(base, 'state'), { mode: 0o755 });
    await mkdir(controller.runDir, { mode: 0o755 });
    await mkdir(path.join(KEEP, 'templates'), { recursive: true, mode: 0o755 });
    await symlink(path.join(SHARED_STATE, 'images'), path.join(base, 'state/images'));
    await symlink(path.join(KEEP, 'templates'), path.join(base, 'state/templates'));
    try {
      await controller.startAgain();
    } catch (error) {
      await controller.remove();
      throw error;
    }
    return controller;
  }

  get url(): string {
    return this.#url;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** What it printed so far. */
  get output(): string {
    return this.#lines.join('\n');
  }

  /** Starts it once more on the same directories, after `stop` or `kill`. */
  async startAgain(): Promise<void> {
    const child = spawn(process.execPath, ['packages/cli/src/main.ts', 'up', '--no-set-up'], {
      cwd: repositoryRoot,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: this.environment,
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`it never listened:\n${this.output}`)), START_LIMIT);
      child.once('close', (code) => {
        clearTimeout(timer);
        reject(new Error(`the controller ended with ${code}:\n${this.output}`));
      });
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on('line', (line) => {
          this.#lines.push(line);
          if (line.startsWith('template: ')) console.log(`# ${line}`);
          this.#url = /running on (\S+)/.exec(line)?.[1] ?? this.#url;
          if (!line.startsWith('Open the dashboard: ')) return;
          clearTimeout(timer);
          resolve();
        });
      }
    });
  }

  /** A fresh link that signs a browser in to the dashboard, once. */
  async newSignInLink(): Promise<string> {
    const { stdout } = await run(process.execPath, ['packages/cli/src/main.ts', 'link'], {
      cwd: repositoryRoot,
      env: this.environment,
    });
    return stdout.trim();
  }

  /** Ends it the way Ctrl-C does. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** Ends it without a chance to clean up. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Stops it if it still runs and removes its directories. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.#base, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  }
}
