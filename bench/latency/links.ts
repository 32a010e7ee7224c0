import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ip = (...words: string[]) => run('ip', words);

/** One direction of a link. */
export interface LinkShape {
  /** Share of packets that are lost, 0 to 1. */
  readonly loss: number;
  /** Milliseconds. */
  readonly delayMs: number;
  /** Null: no limit. */
  readonly kbps: number | null;
  /** Packets that would wait longer are dropped. Milliseconds. */
  readonly queueMs: number;
}

const CLEAN: LinkShape = { loss: 0, delayMs: 0, kbps: null, queueMs: 1000 };

/** `down` is towards the person. `clean` is a plain pair of the kernel's virtual Ethernet, nothing emulated. */
export const LINKS = {
  clean: null,
  loss: { down: { ...CLEAN, loss: 0.02, delayMs: 20 }, up: { ...CLEAN, loss: 0.02, delayMs: 20 } },
  cap: { down: { ...CLEAN, kbps: 1000, queueMs: 300, delayMs: 10 }, up: { ...CLEAN, delayMs: 10 } },
} as const satisfies Record<string, { readonly down: LinkShape; readonly up: LinkShape } | null>;

export type LinkName = keyof typeof LINKS;

/** Of the block set aside for benchmarks (RFC 2544). */
export const HOST_ADDRESS = '198.18.0.1';
const PERSON_ADDRESS = '198.18.0.2';
const DEVICES = { host: 'bench-host', person: 'bench-person' } as const;

/** A namespace for a person's browser, and the one wire between it and the namespace we are in. */
export class Link {
  /** A program that runs Chromium there. */
  readonly chromium: string;
  readonly #namespace: string;
  readonly #directory: string;
  readonly #emulator: ChildProcess | null;

  private constructor(namespace: string, directory: string, emulator: ChildProcess | null) {
    this.#namespace = namespace;
    this.#directory = directory;
    this.#emulator = emulator;
    this.chromium = path.join(directory, 'chromium');
  }

  static async open(name: LinkName): Promise<Link> {
    const namespace = `bvm-bench-${process.pid}`;
    const directory = await mkdtemp(path.join(os.tmpdir(), 'browser-vm-link-'));
    const shape = LINKS[name];
    await ip('netns', 'add', namespace);
    let emulator: ChildProcess | null = null;
    if (shape === null) {
      await ip('link', 'add', DEVICES.host, 'type', 'veth', 'peer', 'name', DEVICES.person);
    } else {
      const program = path.join(import.meta.dirname, 'link-emulator.ts');
      emulator = fork(program, [DEVICES.host, DEVICES.person, JSON.stringify(shape)], { execArgv: [] });
      await Promise.race([
        once(emulator, 'message'),
        once(emulator, 'exit').then(() => Promise.reject(new Error('the link emulator ended'))),
      ]);
    }
    const link = new Link(namespace, directory, emulator);
    await ip('link', 'set', DEVICES.person, 'netns', namespace);
    await ip('address', 'add', `${HOST_ADDRESS}/30`, 'dev', DEVICES.host);
    await ip('link', 'set', DEVICES.host, 'up');
    await ip('-n', namespace, 'address', 'add', `${PERSON_ADDRESS}/30`, 'dev', DEVICES.person);
    await ip('-n', namespace, 'link', 'set', DEVICES.person, 'up');
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
    await writeFile(link.chromium, `#!/bin/sh\nexec ip netns exec ${namespace} /usr/bin/chromium "$@"\n`);
    await chmod(link.chromium, 0o755);
    return link;
  }

  /** Bytes that went to the person so far, with the headers of IP. */
  async sentBytes(): Promise<number> {
    return Number(await readFile(`/sys/class/net/${DEVICES.host}/statistics/tx_bytes`, 'utf8'));
  }

  async close(): Promise<void> {
    if (this.#emulator !== null && this.#emulator.exitCode === null) {
      const gone = once(this.#emulator, 'exit');
      this.#emulator.kill('SIGKILL');
      await gone;
    }
    await ip('netns', 'delete', this.#namespace);
    // Its other end may live on for a moment.
    await ip('link', 'delete', DEVICES.host).catch(() => {});
    await rm(this.#directory, { recursive: true, force: true });
  }
}
