import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { BrowserVmError, type Fault, type Framebuffer, type PrepareRequest } from '@browser-vm/protocol';
import type { EventLog } from '../events/event-log.ts';
import type { AgentOptions } from '../options.ts';
import { redact } from '../redact.ts';
import { browserCommand, profileDirectory, writePolicies } from './browser.ts';
import { watchClipboard } from './clipboard-watch.ts';
import { displayAccepts, displayCommand } from './display.ts';
import { findFramebuffer, keepHugePages } from './framebuffer.ts';
import { lookOf, startPagePainted } from './painted.ts';
import { renewBrowserRandomness } from './random-state.ts';
import { sendCommandLine } from './remote-command.ts';
import { checkSandbox } from './sandbox.ts';
import { soundCommand } from './sound.ts';
import { StartPage } from './start-page.ts';
import { type Command, Supervised, type Watcher } from './supervised.ts';
import { windowManagerCommand } from './window-manager.ts';

/** Milliseconds between two tries to give the browser a page: one that is starting has no socket yet. */
const RETRY = 250;
/** A browser that shows no start page for this long, such as one whose page crashed, is given a window. Milliseconds. */
const NO_START_PAGE = 10_000;

/** Display, window manager and browser, kept running. */
export class Desktop {
  readonly #options: AgentOptions;
  readonly #events: EventLog;
  readonly #running: Supervised[] = [];
  readonly #stopping = new AbortController();
  #display: Supervised | null = null;
  #browser: Supervised | null = null;
  #watching: Promise<void> | null = null;
  #startPage: StartPage | null = null;
  #page = '';

  constructor(options: AgentOptions, events: EventLog) {
    this.#options = options;
    this.#events = events;
  }

  /**
   * Resolves when the browser has painted. Rejects with `display_not_ready`,
   * `browser_not_painted` or `browser_not_sandboxed`.
   */
  async start({ display: size, caCertificates, pictureInMemory }: PrepareRequest): Promise<void> {
    const limit = AbortSignal.any([
      AbortSignal.timeout(this.#options.prepareTimeoutMs),
      this.#stopping.signal,
    ]);
    mkdirSync(this.#options.runtimeDirectory, { recursive: true });
    writePolicies(this.#options, caCertificates);
    this.#startPage = await StartPage.serve();
    this.#page = this.#startPage.url;
    if (pictureInMemory && this.#options.ownsMachine) keepHugePages();
    const display = this.#run(displayCommand(this.#options, size, pictureInMemory));
    this.#display = display;
    await displayAccepts(this.#options.display, limit).catch((cause: unknown) => {
      const message = `display :${this.#options.display} accepts no connection`;
      throw explained({ code: 'display_not_ready', message, hop: 'display' }, cause, display);
    });
    this.#events.append({ type: 'stage', stage: 'display' });
    const tell = (hasImage: boolean) => void this.#events.append({ type: 'clipboard', hasImage });
    this.#watching = watchClipboard(this.#options.display, tell, this.#stopping.signal);
    this.#run(windowManagerCommand(this.#options));
    const browser = this.#run(browserCommand(this.#options, size, () => this.#page));
    this.#browser = browser;
    await startPagePainted(this.#options.vncPort, limit).catch(async (cause: unknown) => {
      const message = `the browser painted nothing on the display (${await this.#look()})`;
      throw explained({ code: 'browser_not_painted', message, hop: 'browser' }, cause, browser);
    });
    if (browser.pid !== undefined) checkSandbox(browser.pid);
    this.#events.append({ type: 'stage', stage: 'browser' });
  }

  /**
   * Shows a page in place of the start page; once that is gone, in a window of its own, in the browser that runs. A
   * browser that died starts with it. Rejects with `browser_unreachable` when one that runs does not take it.
   */
  async open(url: string): Promise<void> {
    this.#page = url;
    const browser = this.#browser;
    const pid = browser?.pid;
    const [startPage, since] = [this.#startPage, performance.now()];
    const limit = since + this.#options.openTimeoutMs;
    while (browser?.pid !== undefined && browser.pid === pid) {
      try {
        if (startPage === null || !(await this.#takesPlace(startPage, url, since, limit)))
          await this.#openWindow(url, limit);
        this.#startPage = null;
        void startPage?.close();
        return;
      } catch (cause) {
        if (performance.now() < limit) {
          await delay(RETRY, undefined, { signal: this.#stopping.signal });
          continue;
        }
        const message = `the browser does not open a page (${await this.#look()})`;
        throw explained({ code: 'browser_unreachable', message, hop: 'browser' }, cause, browser);
      }
    }
  }

  /** False: the browser shows no start page. Rejects when it has not given way yet. Times in milliseconds. */
  async #takesPlace(startPage: StartPage, url: string, since: number, limit: number): Promise<boolean> {
    const now = performance.now();
    if (!startPage.isShown && now - since > NO_START_PAGE) return false;
    if (!(await startPage.giveWay(url, Math.min(RETRY, Math.max(limit - now, 0)))))
      throw new Error(`no answer in ${Math.round((performance.now() - since) / 100) / 10} s`);
    return true;
  }

  #openWindow(url: string, limit: number): Promise<void> {
    const timeoutMs = Math.max(limit - performance.now(), RETRY);
    const argv = [this.#options.chromium, `--app=${url}`];
    return sendCommandLine(profileDirectory(this.#options), argv, timeoutMs);
  }

  /** Where the picture of that size is, for who can read this machine's memory. Throws `no_framebuffer`. */
  framebuffer(width: number, height: number): Framebuffer {
    try {
      const pid = this.#display?.pid;
      if (pid === undefined) throw new Error('the display does not run');
      return findFramebuffer(pid, width, height);
    } catch (cause) {
      const message = `the picture cannot be found in memory: ${(cause as Error).message}`;
      throw new BrowserVmError({ code: 'no_framebuffer', message, hop: 'display' }, { cause, status: 409 });
    }
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

  /** From now on what programs play is heard; before, it goes nowhere. */
  startSound(): void {
    this.#run(soundCommand(this.#options));
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the desktop was stopped'));
    await this.#startPage?.close();
    for (const process of this.#running.toReversed()) await process.stop();
    await this.#watching;
  }

  /** What the desktop looks like, for a fault; nobody waits for it who stops. */
  async #look(): Promise<string> {
    return this.#stopping.signal.aborted ? 'stopped' : lookOf(this.#options.vncPort);
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

/** The fault with its cause, and with what the program in question last said. */
function explained(fault: Fault, cause: unknown, program: Supervised): BrowserVmError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new BrowserVmError(
    {
      ...fault,
      message: `${fault.message}: ${why}`,
      details: { lastLines: program.lastLines.map(redact) },
    },
    { cause },
  );
}
