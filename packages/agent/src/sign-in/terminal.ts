import { stripVTControlCharacters } from 'node:util';
import { type IPty, spawn } from '@lydell/node-pty';

/** Characters. Wide, so that no tool breaks a URL. */
const COLUMNS = 400;
const ROWS = 50;
/** Characters of output kept. */
const KEPT = 65_536;
/** Milliseconds between asking a tool to end and ending it. */
const GRACE = 3000;

export interface Answer {
  readonly pattern: string;
  readonly send: string;
}

export interface Ended {
  readonly exitCode: number;
  /** 0: it ended by itself. */
  readonly signal: number;
}

/** A program in a pseudo-terminal, which answers what the program asks as far as it was told to. */
export class Terminal {
  readonly ended: Promise<Ended>;
  readonly #pty: IPty;
  #unanswered: readonly Answer[];
  #output = '';
  #gone = false;

  constructor(
    argv: readonly string[],
    env: Readonly<Record<string, string>>,
    directory: string,
    answers: readonly Answer[],
    onOutput: () => void,
  ) {
    const [file = '', ...args] = argv;
    this.#unanswered = answers;
    this.#pty = spawn(file, args, { name: 'xterm-256color', cols: COLUMNS, rows: ROWS, cwd: directory, env });
    this.#pty.onData((data) => {
      this.#output = (this.#output + data).slice(-KEPT);
      this.#answer(data);
      onOutput();
    });
    this.ended = new Promise((resolve) =>
      this.#pty.onExit(({ exitCode, signal }) => {
        this.#gone = true;
        resolve({ exitCode, signal: signal ?? 0 });
      }),
    );
  }

  /** The last part of what was printed, without control sequences. */
  get output(): string {
    return stripVTControlCharacters(this.#output);
  }

  /** Ends the program and all it started. */
  async stop(): Promise<void> {
    if (this.#gone) return;
    this.#kill('SIGTERM');
    const timer = setTimeout(() => this.#kill('SIGKILL'), GRACE);
    await this.ended;
    clearTimeout(timer);
  }

  #kill(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.#pty.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #answer(data: string): void {
    // Where is the cursor? Some prompts wait for this for ever.
    if (data.includes('\x1b[6n')) this.#pty.write('\x1b[1;1R');
    const shown = this.output;
    this.#unanswered = this.#unanswered.filter(({ pattern, send }) => {
      if (!new RegExp(pattern).test(shown)) return true;
      this.#pty.write(send);
      return false;
    });
  }
}
