import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { soundCommand, soundEnvironment } from '../../agent/src/desktop/sound.ts';
import { lookUpUser } from '../../agent/src/user.ts';
import { freePort } from '../../rfb/test/desktop.ts';

const SAMPLES_PER_SECOND = 48_000;
const PLAYER = ['--playback', '--rate=48000', '--channels=2', '--format=s16le', '--latency-msec=50'];

/** What plays a desktop's sound, as the guest's agent starts it. */
export class SoundServer {
  readonly port: number;
  readonly #directory: string;
  readonly #server: ChildProcess;
  readonly #players: ChildProcess[] = [];
  readonly #environment: Record<string, string>;

  private constructor(port: number, directory: string, server: ChildProcess, env: Record<string, string>) {
    this.port = port;
    this.#directory = directory;
    this.#server = server;
    this.#environment = env;
  }

  /** Resolves when it takes connections. */
  static async start(): Promise<SoundServer> {
    const directory = await mkdtemp(join(tmpdir(), 'sound-'));
    await chmod(directory, 0o755);
    const port = await freePort();
    const options = {
      user: { ...lookUpUser('nobody'), home: directory },
      runtimeDirectory: directory,
      toolPath: ['/usr/bin', '/bin'],
      display: 0,
      soundPort: port,
      loopbackOnly: true,
    };
    const { argv, env, beforeStart } = soundCommand(options);
    beforeStart?.();
    const [program = '', ...rest] = argv();
    const server = spawn(program, rest, { env, stdio: ['ignore', 'inherit', 'inherit'] });
    const environment = { ...env, ...soundEnvironment(options) };
    const started = new SoundServer(port, directory, server, environment);
    const deadline = performance.now() + 20_000;
    while (!(await accepts(port))) {
      if (server.exitCode !== null || performance.now() > deadline) {
        await started.stop();
        throw new Error('the sound server takes no connections');
      }
      await delay(20);
    }
    return started;
  }

  /** Plays a tone until the returned function is called. */
  playTone(hertz: number): () => void {
    const player = spawn('pacat', PLAYER, { env: this.#environment, stdio: ['pipe', 'inherit', 'inherit'] });
    const seconds = 60;
    const samples = new Int16Array(SAMPLES_PER_SECOND * seconds * 2);
    for (let at = 0; at < samples.length; at += 1) {
      samples[at] = 8000 * Math.sin((2 * Math.PI * hertz * (at >> 1)) / SAMPLES_PER_SECOND);
    }
    // It ends in the middle of it.
    player.stdin.on('error', () => {});
    player.stdin.end(Buffer.from(samples.buffer));
    this.#players.push(player);
    return () => player.kill('SIGKILL');
  }

  /** Resolves when so many listen. */
  async untilListened(count: number): Promise<void> {
    const deadline = performance.now() + 20_000;
    for (;;) {
      const listeners = await this.#listeners();
      if (listeners === count) return;
      assert.ok(performance.now() < deadline, `${listeners} listen, not ${count}`);
      await delay(20);
    }
  }

  async stop(): Promise<void> {
    for (const player of this.#players) player.kill('SIGKILL');
    if (this.#server.exitCode === null && this.#server.signalCode === null) {
      const gone = once(this.#server, 'exit');
      this.#server.kill('SIGKILL');
      await gone;
    }
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #listeners(): Promise<number> {
    const asked = spawn('pactl', ['list', 'short', 'source-outputs'], {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said = await asked.stdout.setEncoding('utf8').toArray();
    return said
      .join('')
      .split('\n')
      .filter((line) => line !== '').length;
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
