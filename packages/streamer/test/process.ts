import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  type StreamerCommand,
  type StreamerEvent,
  streamerEventSchema,
  type ViewerState,
} from '@browser-vm/protocol';
import { DEFAULT_CONFIGURATION, type StreamerConfiguration } from '../src/configuration.ts';

type Type = StreamerEvent['type'];

/** A streamer as the host runs it: a process, its commands and events. */
export class StreamerProcess {
  readonly child: ChildProcess;
  readonly events: StreamerEvent[] = [];
  readonly #listeners: ((event: StreamerEvent) => void)[] = [];
  #waiting: (() => void)[] = [];

  private constructor(child: ChildProcess) {
    this.child = child;
    child.on('message', (message) => {
      const event = streamerEventSchema.parse(message);
      this.events.push(event);
      for (const listener of this.#listeners) listener(event);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  static async start(
    env: Record<string, string> = {},
    configuration: Partial<StreamerConfiguration> = {},
  ): Promise<StreamerProcess> {
    const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
    const child = fork(main, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const started = new StreamerProcess(child);
    await started.event('ready');
    started.send({ type: 'configure', ...DEFAULT_CONFIGURATION, ...configuration });
    return started;
  }

  send(command: StreamerCommand): void {
    this.child.send(command);
  }

  /** Waits until that viewer's connection is in that state, or was. */
  async viewerState(viewerId: string, state: ViewerState): Promise<void> {
    await this.#until(`viewer ${viewerId} ${state}`, () =>
      this.events.some(
        (event) => event.type === 'viewer' && event.viewerId === viewerId && event.state === state,
      ),
    );
  }

  /** Every event so far and from now on. */
  listen(listener: (event: StreamerEvent) => void): void {
    for (const event of this.events) listener(event);
    this.#listeners.push(listener);
  }

  /** The first event of that type after the given number of earlier events. */
  async event<T extends Type>(type: T, after = 0): Promise<Extract<StreamerEvent, { type: T }>> {
    const find = (): StreamerEvent | undefined =>
      this.events.slice(after).find((event) => event.type === type);
    await this.#until(`event ${type}`, () => find() !== undefined);
    return find() as Extract<StreamerEvent, { type: T }>;
  }

  /** Closes the channel, as a host that dies does, and waits for the end. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const exit = once(this.child, 'exit');
    if (this.child.connected) this.child.disconnect();
    const [code] = await exit;
    return code;
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(30_000);
    while (!holds()) {
      if (deadline.aborted) throw new Error(`no ${what}; had ${this.events.map((event) => event.type)}`);
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
}
