import { execFileSync } from 'node:child_process';
import { chownSync, closeSync, constants, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { AgentOptions } from '../options.ts';

/** Programs by which tools open a page, found first on PATH. */
const NAMES = ['browser-vm-open', 'xdg-open', 'www-browser', 'x-www-browser', 'sensible-browser'];

/**
 * Catches what tools hand to a browser. The programs are one shell script that writes its only argument
 * to a named pipe and ends: a tool never waits for a browser, and starting a shell costs next to nothing
 * under emulation.
 */
export class Opener {
  /** First on PATH. */
  readonly directory: string;
  /** For $BROWSER. */
  readonly program: string;
  readonly #pipe: string;
  readonly #socket: Socket;

  constructor(options: AgentOptions, onUrl: (text: string) => void) {
    this.directory = join(options.runtimeDirectory, 'openers');
    this.program = join(this.directory, 'browser-vm-open');
    this.#pipe = join(options.runtimeDirectory, 'opened-urls');
    mkdirSync(this.directory, { recursive: true });
    rmSync(this.#pipe, { force: true });
    execFileSync('mkfifo', ['-m', '0200', this.#pipe]);
    chownSync(this.#pipe, options.user.uid, options.user.gid);
    // Open for writing too: the pipe never ends, and no writer ever waits for a reader.
    const descriptor = openSync(this.#pipe, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      this.#socket = new Socket({ fd: descriptor, readable: true, writable: false });
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    createInterface({ input: this.#socket }).on('line', onUrl);
    for (const name of NAMES) {
      writeFileSync(
        join(this.directory, name),
        `#!/bin/sh\n[ $# -eq 1 ] || exit 2\nprintf '%s\\n' "$1" >'${this.#pipe}'\n`,
        { mode: 0o755 },
      );
    }
  }

  close(): void {
    this.#socket.destroy();
    rmSync(this.#pipe, { force: true });
  }
}
