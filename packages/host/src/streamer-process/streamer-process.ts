import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Socket } from 'node:net';
import {
  BrowserVmError,
  type ControlState,
  type Fault,
  STREAMER_DESCRIPTORS,
  type StreamerCommand,
  type StreamerEvent,
  streamerEventSchema,
  type ViewerMode,
} from '@browser-vm/protocol';
import { sharedMemory } from '../picture-reader/shared-memory.ts';
import { limitMemory, type MemoryGroup } from '../system/cgroup.ts';
import { SYSTEM_PATH } from '../system/run.ts';
import { StreamerLog } from './streamer-log.ts';

/** By path, since the host starts the streamer and never imports it. */
const MAIN = new URL('../../../streamer/src/main.ts', import.meta.url).pathname;
/** Of the streamer's own objects; pictures, encoder and libdatachannel live outside of it. MB. */
const OBJECTS_MB = 128;
/** Node.js and its libraries are there in half a second; a loaded host takes longer. Milliseconds. */
const READY_TIMEOUT = 30_000;
const ANSWER_TIMEOUT = 20_000;
const CLOSE_TIMEOUT = 2000;
/** To keep input back takes no time. Milliseconds. */
const HOLD_TIMEOUT = 5000;
/** Of the whole process, where the kernel lets us say so. Measured: 110 MB while watched. MiB. */
export const STREAMER_LIMIT_MB = 512;

export interface StreamerOptions {
  /** The streamer becomes this user. */
  readonly uid: number;
  readonly gid: number;
  /** Of its memory group; unique on this host. */
  readonly groupName: string;
  readonly environment: Readonly<Record<string, string>>;
  /** A file that stands for the desktop until the VM's own picture is there; may be none. BGRX. */
  readonly firstPicture: { readonly path: string; readonly width: number; readonly height: number } | null;
  readonly configure: StreamerConfiguration;
}

export type StreamerConfiguration = Omit<
  Extract<StreamerCommand, { type: 'configure' }>,
  'type' | 'firstPicture'
>;

/** The session that a streamer is for. */
export interface StreamerSession {
  readonly logFile: string;
  readonly configure: StreamerConfiguration;
  readonly onEvent: (event: StreamerEvent) => void;
}

/** One session's streamer: a process that shares nothing with us but an IPC channel, and is not trusted. */
export class StreamerProcess {
  /** Resolves once with the fault, when the process ended without being told to; never rejects. */
  readonly died: Promise<Fault>;
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #gone: Promise<unknown>;
  readonly #answers = new Map<string, { resolve(sdp: string): void; reject(error: Error): void }>();
  readonly #seats = new Map<string, (control: ControlState) => void>();
  readonly #log: StreamerLog;
  readonly #pixels: number;
  readonly #pongs = new Set<() => void>();
  #onHeld = () => {};
  #onEvent: (event: StreamerEvent) => void;
  #closing: Promise<void> | null = null;
  #group: MemoryGroup | null = null;

  private constructor(child: ChildProcess, pixels: number, onEvent: (event: StreamerEvent) => void) {
    this.#process = child;
    this.pid = child.pid ?? -1;
    this.#onEvent = onEvent;
    this.#pixels = pixels;
    this.#log = new StreamerLog([child.stdout, child.stderr].filter((stream) => stream !== null));
    this.#gone = once(child, 'close').catch(() => {});
    const died = Promise.withResolvers<Fault>();
    this.died = died.promise;
    child.on('message', (message) => this.#receive(message));
    // Not `exit`: its last words arrive after it.
    child.once('close', (code, signal) => {
      closeSync(pixels);
      const { lastLine } = this.#log;
      const fault: Fault = {
        code: 'streamer_died',
        message: `the streamer ended with ${signal ?? `exit code ${code}`}${lastLine === null ? '' : `: ${lastLine}`}`,
        hop: 'streamer',
      };
      for (const waiting of this.#answers.values()) waiting.reject(new BrowserVmError(fault));
      this.#answers.clear();
      if (this.#closing === null) died.resolve(fault);
    });
  }

  /** Resolves when the streamer has given up its privileges and knows its configuration; it serves no session yet. */
  static async start(options: StreamerOptions): Promise<StreamerProcess> {
    const { firstPicture } = options;
    const picture = firstPicture === null ? null : await open(firstPicture.path, 'r');
    const pixels = sharedMemory('browser-vm-picture');
    let started: StreamerProcess | null = null;
    try {
      const argv = ['--no-new-privs', '--pdeathsig', 'KILL', '--', process.execPath];
      const node = [`--max-old-space-size=${OBJECTS_MB}`, '--disable-warning=ExperimentalWarning', MAIN];
      const child = spawn('setpriv', [...argv, ...node], {
        cwd: '/',
        env: {
          PATH: SYSTEM_PATH,
          ...options.environment,
          BROWSER_VM_STREAMER_UID: String(options.uid),
          BROWSER_VM_STREAMER_GID: String(options.gid),
        },
        // See STREAMER_DESCRIPTORS.
        stdio: ['ignore', 'pipe', 'pipe', 'ipc', picture?.fd ?? 'ignore', pixels, 'pipe'],
        detached: true,
      });
      await once(child, 'spawn');
      const ready = Promise.withResolvers<void>();
      const streamer = new StreamerProcess(child, pixels, ({ type }) => {
        if (type === 'ready') ready.resolve();
      });
      started = streamer;
      streamer.#group = await limitMemory(options.groupName, streamer.pid, STREAMER_LIMIT_MB * 1024 * 1024);
      const timer = setTimeout(() => ready.reject(late('start')), READY_TIMEOUT);
      streamer.died.then((fault) => ready.reject(new BrowserVmError(fault)));
      try {
        await ready.promise;
      } catch (error) {
        await streamer.stop();
        throw error;
      } finally {
        clearTimeout(timer);
      }
      streamer.send({
        type: 'configure',
        ...options.configure,
        // As a descriptor: the streamer's user need not reach the directories above.
        ...(firstPicture === null
          ? {}
          : {
              firstPicture: { ...firstPicture, path: `/proc/self/fd/${STREAMER_DESCRIPTORS.firstPicture}` },
            }),
      });
      return streamer;
    } finally {
      if (started === null) closeSync(pixels);
      await picture?.close();
    }
  }

  /** From now on it is this session's; once. */
  serve({ logFile, configure, onEvent }: StreamerSession): void {
    this.#log.keepIn(logFile);
    this.#onEvent = onEvent;
    this.send({ type: 'configure', ...configure });
  }

  attach(at: { readonly host: string; readonly port: number }): void {
    this.send({ type: 'attach', ...at, firstPicture: null });
  }

  /** For the reader of its VM's picture, once: the memory that both have, and the socket to this streamer. */
  get forReader(): { readonly pixels: number; readonly streamer: Socket } {
    return {
      pixels: this.#pixels,
      streamer: (this.#process.stdio as readonly unknown[])[STREAMER_DESCRIPTORS.reader] as Socket,
    };
  }

  async offer(viewerId: string, sdp: string, mode: ViewerMode): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#answers.get(viewerId)?.reject(late('answer the first of two offers'));
    this.#answers.set(viewerId, { resolve, reject });
    const timer = setTimeout(() => reject(late('answer an offer')), ANSWER_TIMEOUT);
    this.send({ type: 'offer', viewerId, sdp, mode });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#answers.delete(viewerId);
    }
  }

  /** A viewer by VNC takes part in control until `leave` is called; `onControl`: how that stands for it. */
  join(mode: ViewerMode, onControl: (control: ControlState) => void): { take(): void; leave(): void } {
    const viewerId = randomUUID();
    this.#seats.set(viewerId, onControl);
    this.send({ type: 'join', viewerId, mode });
    return {
      take: () => this.send({ type: 'take_control', viewerId }),
      leave: () => {
        this.#seats.delete(viewerId);
        this.send({ type: 'leave', viewerId });
      },
    };
  }

  /** Resolves when it answers; rejects when it ends first. */
  async ping(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#pongs.add(resolve);
    void this.died.then((fault) => reject(new BrowserVmError(fault)));
    this.send({ type: 'ping' });
    await promise.finally(() => this.#pongs.delete(resolve));
  }

  /** Resolves when no input goes to the VM any more, until `release` is sent; rejects when it ends first. */
  async hold(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#onHeld = resolve;
    void this.#gone.then(() => reject(late('hold its input')));
    const timer = setTimeout(() => reject(late('hold its input')), HOLD_TIMEOUT);
    this.send({ type: 'hold' });
    await promise.finally(() => clearTimeout(timer));
  }

  /** Commands to a process that is gone are dropped: `died` tells. */
  send(command: StreamerCommand): void {
    if (this.#process.connected) this.#process.send(command, () => {});
  }

  async stop(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    this.send({ type: 'close' });
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), CLOSE_TIMEOUT);
    await this.#gone;
    clearTimeout(timer);
    await this.#log.close();
    await this.#group?.remove();
  }

  #receive(message: unknown): void {
    const parsed = streamerEventSchema.safeParse(message);
    // A streamer that says what no streamer says has been taken over.
    if (!parsed.success) return void this.#process.kill('SIGKILL');
    const event = parsed.data;
    if (event.type === 'pong') {
      for (const answered of this.#pongs) answered();
      return;
    }
    if (event.type === 'held') {
      this.#onHeld();
      return;
    }
    if (event.type === 'control') {
      const { holder, mode, viewers, clipboard } = event;
      this.#seats.get(event.viewerId)?.({ holder, mode, viewers, clipboard });
      return;
    }
    if (event.type === 'answer') this.#answers.get(event.viewerId)?.resolve(event.sdp);
    else if (event.type === 'refused')
      this.#answers.get(event.viewerId)?.reject(new BrowserVmError(event.fault));
    this.#onEvent(event);
  }
}

function late(what: string): BrowserVmError {
  return new BrowserVmError({
    code: 'streamer_timeout',
    message: `the streamer did not ${what} in time`,
    hop: 'streamer',
  });
}
