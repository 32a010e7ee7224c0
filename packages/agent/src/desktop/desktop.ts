import { mkdirSync } from 'node:fs';
import { BrowserVmError } from '@browser-vm/protocol';
import type { EventLog } from '../events/event-log.ts';
import type { AgentOptions } from '../options.ts';
import { browserCommand, profileDirectory, writePolicies } from './browser.ts';
import { displayAccepts, displayCommand } from './display.ts';
import { startPagePainted } from './painted.ts';
import { renewBrowserRandomness } from './random-state.ts';
import { sendCommandLine } from './remote-command.ts';
import { START_PAGE_URL } from './start-page.ts';
import { type Command, Supervised, type Watcher } from './supervised.ts';
import { windowManagerCommand } from './window-manager.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Display, window manager and browser, kept running. */
export class Desktop {
  readonly #options: AgentOptions;
  readonly #events: EventLog;
  readonly #running: Supervised[] = [];
  readonly #stopping = new AbortController();
  #browser: Supervised | null = null;
  #page = START_PAGE_URL;

  constructor(options: AgentOptions, events: EventLog) {
    this.#options = options;
    this.#events = events;
  }

  /** Resolves when the browser has painted. Rejects with `display_not_ready` or `browser_not_painted`. */
  async start(size: Size, caCertificates: readonly string[]): Promise<void> {
    const limit = AbortSignal.any([
      AbortSignal.timeout(this.#options.prepareTimeoutMs),
      this.#stopping.signal,
    ]);
    mkdirSync(this.#options.runtimeDirectory, { recursive: true });
    writePolicies(this.#options, caCertificates);
    this.#run(displayCommand(this.#options, size));
    await within(displayAccepts(this.#options.display, limit), {
      code: 'display_not_ready',
      message: `display :${this.#options.display} accepts no connection`,
      hop: 'display',
    });
    this.#events.append({ type: 'stage', stage: 'display' });
    this.#run(windowManagerCommand(this.#options));
    this.#browser = this.#run(browserCommand(this.#options, size, () => this.#page));
    await within(startPagePainted(this.#options.vncPort, limit), {
      code: 'browser_not_painted',
      message: 'the browser painted nothing on the display',
      hop: 'browser',
    });
    this.#events.append({ type: 'stage', stage: 'browser' });
  }

  /** Shows a page in a window of its own, in the browser that runs; a browser that died starts with it. */
  async open(url: string): Promise<void> {
    this.#page = url;
    if (this.#browser?.pid === undefined) return;
    await sendCommandLine(profileDirectory(this.#options), [this.#options.chromium, `--app=${url}`]);
  }

  /** Makes the browser forget the random state it had when the template froze. */
  renewRandomness(): void {
    const pid = this.#browser?.pid;
    if (pid === undefined) return;
    const ended = renewBrowserRandomness(pid);
    this.#events.append({
      type: 'log',
      level: 'info',
      message: `browser: ${ended} network process(es) replaced`,
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the desktop was stopped'));
    for (const process of this.#running.toReversed()) await process.stop();
  }

  #run(command: Command): Supervised {
    const process = new Supervised(command, this.#watcher);
    this.#running.push(process);
    process.start();
    return process;
  }

  readonly #watcher: Watcher = {
    line: (name, text) => this.#events.append({ type: 'log', level: 'debug', message: `${name}: ${text}` }),
    ended: (name, how, lastLine, restartInMs) =>
      this.#events.append({
        type: 'log',
        level: 'warn',
        message: `${name} ended: ${how}; starts again in ${restartInMs} ms${lastLine === '' ? '' : `; last words: ${lastLine}`}`,
      }),
  };
}

async function within<T>(
  promise: Promise<T>,
  fault: ConstructorParameters<typeof BrowserVmError>[0],
): Promise<T> {
  try {
    return await promise;
  } catch (cause) {
    throw new BrowserVmError(
      { ...fault, message: `${fault.message}: ${cause instanceof Error ? cause.message : String(cause)}` },
      { cause },
    );
  }
}
