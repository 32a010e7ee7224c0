import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Command {
  readonly name: string;
  /** Asked before each start. */
  readonly argv: () => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Runs before each start, the first too. */
  readonly beforeStart?: () => void;
}

export interface Watcher {
  /** One line of standard output or standard error. */
  readonly line: (name: string, text: string) => void;
  /** A process ended by itself and will be started again after `restartInMs`. */
  readonly ended: (name: string, how: string, lastLine: string, restartInMs: number) => void;
}

/** Milliseconds. A process that ran longer than `STEADY` starts again with the shortest delay. */
const FIRST_DELAY = 250;
const LONGEST_DELAY = 10_000;
const STEADY = 30_000;
/** Milliseconds between asking a process to end and ending it. */
const GRACE = 5000;

/** Lines of output kept for a fault, and characters of each. */
const LINES = 10;
const LINE_LENGTH = 300;

/** One process kept running: started again when it ends, later each time. */
export class Supervised {
  readonly #command: Command;
  readonly #watcher: Watcher;
  readonly #lastLines: string[] = [];
  #child: ChildProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #delay = FIRST_DELAY;
  #stopped = false;

  constructor(command: Command, watcher: Watcher) {
    this.#command = command;
    this.#watcher = watcher;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Of standard output and standard error, oldest first, whichever run of the program printed them. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  start(): void {
    if (this.#stopped) return;
    const { name, argv, env, beforeStart } = this.#command;
    beforeStart?.();
    const [file = '', ...args] = argv();
    const startedAt = performance.now();
    const child = spawn(file, args, { cwd: '/', env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    this.#child = child;
    let lastLine = '';
    for (const output of [child.stdout, child.stderr]) {
      createInterface({ input: output }).on('line', (text) => {
        lastLine = text;
        this.#lastLines.push(text.slice(0, LINE_LENGTH));
        if (this.#lastLines.length > LINES) this.#lastLines.shift();
        this.#watcher.line(name, text);
      });
    }
    const ended = (how: string) => {
      if (this.#child !== child) return;
      this.#child = null;
      // Helpers that outlive their leader would hold the display or the profile.
      killGroup(child, 'SIGKILL');
      if (this.#stopped) return;
      if (performance.now() - startedAt > STEADY) this.#delay = FIRST_DELAY;
      this.#watcher.ended(name, how, lastLine, this.#delay);
      this.#timer = setTimeout(() => this.start(), this.#delay);
      this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY);
    };
    child.once('error', (error) => ended(error.message));
    child.once('exit', (code, signal) => ended(signal === null ? `exit code ${code}` : `signal ${signal}`));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    killGroup(child, 'SIGTERM');
    const timer = setTimeout(() => killGroup(child, 'SIGKILL'), GRACE);
    await gone;
    clearTimeout(timer);
    killGroup(child, 'SIGKILL');
  }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
