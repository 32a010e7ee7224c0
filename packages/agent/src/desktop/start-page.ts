import { setTimeout as sleep } from 'node:timers/promises';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { type Listener, listen } from '../server/listen.ts';

/** Red, green, blue of the start page's background: how a painted page is told from an empty window. */
export const START_PAGE_COLOUR = [0xec, 0xf0, 0xf5] as const;

/** Of its bar while a mouse button is down: a person who tries sees that the desktop answers, and so does the bench. */
export const START_PAGE_PRESSED_COLOUR = [0xf0, 0xa0, 0x20] as const;

const LOOPBACK = '127.0.0.1';
/** A browser that lost the way to the agent, as when its network process is replaced, tries again after this. Milliseconds. */
const RETRY = 100;

const rgb = (colour: readonly number[]) => `rgb(${colour.join(',')})`;

/** The sign-in page is not told where the person came from. */
const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<title>Preparing sign-in</title>
<style>html{height:100%;background:${rgb(START_PAGE_COLOUR)};color:#1b2733;font:22px sans-serif;cursor:default}
body{height:100%;margin:0;display:flex;flex-direction:column;align-items:center;justify-content:center}
div{width:320px;height:6px;background:#2f6fd0;margin-top:28px}
html:active div{background:${rgb(START_PAGE_PRESSED_COLOUR)}}</style>
<body>Preparing sign-in<div></div>
<script>new EventSource('/sign-in-page').onmessage = async ({ data }) => {
  await fetch('/taken', { method: 'POST' });
  location.replace(data);
};</script></body></html>`;

/**
 * What the browser shows until the sign-in page takes its place, in the same window: another window costs an emulated
 * guest seconds. Nothing in it moves, so nothing is encoded, and while it waits nothing is sent.
 */
export class StartPage {
  readonly #next = Promise.withResolvers<string>();
  readonly #taken = Promise.withResolvers<void>();
  #listener: Listener | null = null;
  #waiting = 0;

  private constructor() {}

  static async serve(): Promise<StartPage> {
    const page = new StartPage();
    page.#listener = await listen(page.#routes(), { address: LOOPBACK, port: 0 }, LOOPBACK, () => {});
    return page;
  }

  get url(): string {
    return `http://${LOOPBACK}:${this.#listener?.port}/`;
  }

  /** Does a browser show this page? */
  get isShown(): boolean {
    return this.#waiting > 0;
  }

  /** Has the page give way to that one. Resolves with whether it has begun to, after `timeoutMs` at the latest. */
  async giveWay(url: string, timeoutMs: number): Promise<boolean> {
    this.#next.resolve(url);
    const timer = new AbortController();
    const timeout = sleep(timeoutMs, false, { signal: timer.signal }).catch(() => false);
    const taken = await Promise.race([this.#taken.promise.then(() => true), timeout]);
    timer.abort();
    return taken;
  }

  async close(): Promise<void> {
    this.#taken.resolve();
    await this.#listener?.close();
  }

  #routes(): Hono {
    const app = new Hono();
    app.get('/', (context) => {
      context.header('cache-control', 'no-store');
      return context.html(PAGE);
    });
    app.get('/sign-in-page', (context) =>
      streamSSE(context, async (stream) => {
        const left = new Promise<void>((resolve) => stream.onAbort(resolve));
        this.#waiting += 1;
        try {
          await stream.write(`retry: ${RETRY}\n\n`);
          const data = await Promise.race([this.#next.promise, left]);
          if (data !== undefined) await stream.writeSSE({ data });
          await Promise.race([this.#taken.promise, left]);
        } finally {
          this.#waiting -= 1;
        }
      }),
    );
    app.post('/taken', (context) => {
      this.#taken.resolve();
      return context.body(null, 204);
    });
    return app;
  }
}
