import { EventEmitter } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Coverage, type Rect, RfbClient, RfbError } from '@browser-vm/rfb';
import type { InputTarget, PictureSource, PictureSourceEvents } from '../picture-source.ts';
import { TextEntry } from './text-entry.ts';

export interface RfbSourceOptions {
  readonly host: string;
  readonly port: number;
  /** How long a server may stay away, at first and after each loss. Milliseconds. */
  readonly patienceMs?: number;
}

/** One attempt. A VM that is resuming may lose the first packets, so attempts are short and many. */
const REACH_MS = 500;
const HANDSHAKE_MS = 10_000;
const RETRY_MS = 50;
const NOTHING = Buffer.alloc(0);
const ONE_PIXEL = { x: 0, y: 0, width: 1, height: 1 } as const;

/** A VNC server as picture source and input target; comes back by itself after a loss. */
export class RfbSource extends EventEmitter<PictureSourceEvents> implements PictureSource, InputTarget {
  #client: RfbClient | null = null;
  #watched = false;
  #coverage: Coverage | null = null;
  #requested = false;
  #pixelsWanted = true;
  readonly #closing = new AbortController();
  readonly #options: Required<RfbSourceOptions>;
  readonly #text = new TextEntry({
    key: (keysym, pressed) => this.#client?.key(keysym, pressed),
    clipboard: (text) => this.#client?.clipboard(text),
  });

  constructor(options: RfbSourceOptions) {
    super();
    this.#options = { patienceMs: 120_000, ...options };
    void this.#attach();
  }

  get width(): number {
    return this.#client?.width ?? 0;
  }

  get height(): number {
    return this.#client?.height ?? 0;
  }

  get pixels(): Buffer {
    return this.#client?.framebuffer ?? NOTHING;
  }

  watch(watched: boolean): void {
    this.#watched = watched;
    this.#ask();
  }

  /**
   * Are the pixels wanted? While not, the server is asked for one of them, so that it still tells cursor and size, and
   * `damaged` and `whole` are not told. When they are wanted again, `whole` follows.
   */
  wantPixels(wanted: boolean): void {
    if (wanted === this.#pixelsWanted) return;
    this.#pixelsWanted = wanted;
    if (this.#client !== null) this.#begin(this.#client);
  }

  pointer(x: number, y: number, mask: number): void {
    this.#text.run(() => this.#client?.pointer(x, y, mask));
  }

  key(keysym: number, pressed: boolean): void {
    this.#text.run(() => this.#client?.key(keysym, pressed));
  }

  text(text: string): void {
    this.#text.type(text);
  }

  clipboard(text: string): void {
    this.#text.run(() => {
      this.#text.remember(text);
      this.#client?.clipboard(text);
    });
  }

  resize(width: number, height: number): void {
    this.#client?.setSize(width, height);
  }

  close(): void {
    this.#closing.abort();
    this.#text.close();
    this.#client?.close();
  }

  async #attach(): Promise<void> {
    const { host, port, patienceMs } = this.#options;
    const { signal } = this.#closing;
    const deadline = performance.now() + patienceMs;
    while (!signal.aborted) {
      try {
        const limits = { timeoutMs: HANDSHAKE_MS, reachTimeoutMs: REACH_MS, signal };
        this.#use(await RfbClient.connect({ host, port }, limits));
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (performance.now() >= deadline) {
          const reason = error instanceof Error ? error : new Error(String(error));
          this.emit('lost', reason, true);
          return;
        }
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #use(client: RfbClient): void {
    this.#client = client;
    client.on('update', (damage) => this.#updated(damage));
    client.on('resize', (width, height) => {
      this.emit('resized', width, height);
      this.#begin(client);
    });
    client.on('cursor', (cursor) => this.emit('cursor', cursor));
    client.on('clipboard', (text) => {
      this.#text.remember(text);
      this.emit('clipboard', text);
    });
    client.on('clipboardTaken', () => this.#text.taken());
    client.on('continuous', () => this.#ask());
    client.on('closed', (error) => {
      this.#client = null;
      this.#text.close();
      this.#requested = false;
      if (this.#closing.signal.aborted) return;
      this.emit('lost', error ?? new RfbError('closed', 'the connection was closed'), false);
      void this.#attach();
    });
    this.emit('attached', client.width, client.height);
    this.#begin(client);
  }

  /** Everything anew, as far as it is wanted. */
  #begin(client: RfbClient): void {
    client.watchArea(this.#pixelsWanted ? null : ONE_PIXEL);
    this.#coverage = this.#pixelsWanted ? new Coverage(client.width, client.height) : null;
    // Also for one pixel: only then does the server say what sizes it takes.
    client.requestUpdate(false);
    this.#requested = true;
    this.#ask();
  }

  #updated(damage: readonly Rect[]): void {
    this.#requested = false;
    if (!this.#pixelsWanted) {
      this.emit('stirred');
      this.#ask();
      return;
    }
    if (this.#coverage !== null) {
      for (const rect of damage) this.#coverage.add(rect);
    }
    if (damage.length > 0) this.emit('damaged', damage);
    if (this.#coverage?.whole === true) {
      this.#coverage = null;
      this.emit('whole');
    }
    this.#ask();
  }

  /** Keeps exactly as much asked for as is wanted. */
  #ask(): void {
    const client = this.#client;
    if (client === null) return;
    const wanted = this.#watched || this.#coverage !== null;
    // The server then sends at its own pace, with fences to measure the way, and waits for no request.
    client.continuousUpdates(wanted);
    if (wanted && !client.supportsContinuousUpdates && !this.#requested) {
      this.#requested = true;
      client.requestUpdate();
    }
  }
}
