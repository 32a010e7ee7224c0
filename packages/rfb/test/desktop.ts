import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { RfbClient } from '../src/index.ts';

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

/** A real Xtigervnc on a free display, and programs on it. */
export class Desktop {
  readonly port: number;
  readonly display: string;
  readonly server: ChildProcess;
  readonly #programs: ChildProcess[] = [];

  private constructor(port: number, display: string, server: ChildProcess) {
    this.port = port;
    this.display = display;
    this.server = server;
  }

  /** `more`: further options of Xtigervnc. */
  static async start(geometry = '1280x720', port?: number, more: readonly string[] = []): Promise<Desktop> {
    const rfbPort = port ?? (await freePort());
    const options =
      '-depth 24 -SecurityTypes None -localhost yes -AlwaysShared -FrameRate 120 -SendPrimary=0 -nolisten tcp';
    const server = spawn(
      'Xtigervnc',
      ['-displayfd', '3', '-rfbport', String(rfbPort), '-geometry', geometry, ...options.split(' '), ...more],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] },
    );
    const [line] = await once(createInterface(server.stdio[3] as Readable), 'line');
    return new Desktop(rfbPort, `:${line}`, server);
  }

  /** The environment of programs on this desktop. */
  get env(): Record<string, string> {
    return { PATH: process.env.PATH ?? '', HOME: '/tmp', DISPLAY: this.display, LANG: 'C.UTF-8' };
  }

  /** With the first key ever the server takes its keyboard's map anew; done when this resolves. */
  async firstKey(): Promise<void> {
    const client = await RfbClient.connect({ host: '127.0.0.1', port: this.port });
    client.key(0xffe1, true);
    client.key(0xffe1, false);
    await client.takePicture();
    client.close();
  }

  run(command: string, args: readonly string[], input = ''): ChildProcess {
    const child = spawn(command, args, { env: this.env, stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin?.end(input);
    this.#programs.push(child);
    return child;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#programs.map(end));
    await end(this.server);
  }
}
