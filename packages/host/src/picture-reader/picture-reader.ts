import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { Framebuffer } from '@browser-vm/protocol';
import type { GuestMemory } from '../drivers/driver.ts';
import { SYSTEM_PATH } from '../system/run.ts';
import { placesOf } from './places.ts';

/** Its user need not reach the directory that this stands in. */
const PROGRAM = readFileSync(new URL('./reader.pl', import.meta.url), 'utf8');
/** Its last argument, by which people and tests know the process. */
const NAME = 'picture-reader';
/** A picture of 4096x4096 is 64 MiB, and the reader has it a few times. Bytes. */
const MEMORY_LIMIT = 512 * 1024 * 1024;

export interface PictureReaderOptions {
  /** The reader becomes this user, which no other process has. */
  readonly uid: number;
  readonly gid: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly memory: GuestMemory;
  /** Descriptor of the memory that the streamer reads; the caller closes it. */
  readonly pixels: number;
  /** The end of the socket that leads to the streamer; used up. */
  readonly streamer: Socket;
}

/**
 * The one process that can read a VM's memory: it copies the picture in it to the VM's streamer, and parses
 * nothing. It has a descriptor of that memory, open for reading alone, and no right beside.
 */
export class PictureReader {
  readonly pid: number;
  /** Resolves when it is gone, with why, or nothing where it ended as it should; never rejects. */
  readonly gone: Promise<string>;
  readonly #process: ChildProcess;
  readonly #memory: GuestMemory;

  private constructor(child: ChildProcess, memory: GuestMemory) {
    this.#process = child;
    this.#memory = memory;
    this.pid = child.pid ?? -1;
    let words = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      words = (words + chunk.toString()).slice(-500);
    });
    child.stdin?.on('error', () => {});
    this.gone = once(child, 'close').then(
      ([, signal]) =>
        // By SIGPIPE it learns that its streamer is gone while it tells of a change.
        words.trim() ||
        (signal === null || signal === 'SIGPIPE' ? '' : `the reader of the picture ended with ${signal}`),
      (error: Error) => error.message,
    );
  }

  static async start(options: PictureReaderOptions): Promise<PictureReader> {
    const { uid, gid, memory, streamer } = options;
    const descriptor = memory.open();
    try {
      const argv = [
        ...[
          '--net',
          '--ipc',
          '--',
          'prlimit',
          `--as=${MEMORY_LIMIT}`,
          '--core=0',
          '--nofile=16',
          '--fsize=67108864',
        ],
        ...['setpriv', '--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--no-new-privs'],
        ...['--inh-caps', '-all', '--bounding-set', '-all', '--pdeathsig', 'KILL', '--'],
        ...['perl', '-e', PROGRAM, NAME],
      ];
      const child = spawn('unshare', argv, {
        cwd: '/',
        env: { PATH: SYSTEM_PATH, LC_ALL: 'C', ...options.environment },
        stdio: ['pipe', 'ignore', 'pipe', descriptor, options.pixels, streamer],
        detached: true,
      });
      const reader = new PictureReader(child, memory);
      await once(child, 'spawn');
      return reader;
    } finally {
      streamer.destroy();
      closeSync(descriptor);
    }
  }

  /** Has the reader look there from now on. Throws `framebuffer_outside`. */
  look(generation: number, framebuffer: Framebuffer): void {
    const places = placesOf(framebuffer, this.#memory).flatMap(({ address, length }) => [address, length]);
    this.#say([generation, framebuffer.height, framebuffer.width * 4, ...places].join(' '));
  }

  /** Has it look nowhere. */
  rest(): void {
    this.#say('none');
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL');
    await this.gone;
  }

  #say(line: string): void {
    (this.#process.stdin as Writable | null)?.write(`${line}\n`);
  }
}
