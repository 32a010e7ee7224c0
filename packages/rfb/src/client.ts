import { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ClipboardAction, capabilities, notify, plain, provide, request } from './clipboard.ts';
import { parseConversation } from './conversation.ts';
import type { Cursor } from './cursor.ts';
import { Coverage, Damage } from './damage.ts';
import { ENCODING, OFFERED } from './encodings.ts';
import { RfbError } from './errors.ts';
import { Framebuffer, type Rect } from './framebuffer.ts';
import type { ServerInit } from './handshake.ts';
import { Incoming } from './incoming.ts';
import { LIMITS } from './limits.ts';
import {
  enableContinuousUpdates,
  extendedKeyEvent,
  fence,
  keyEvent,
  pointerEvent,
  type Screen,
  setDesktopSize,
  setEncodings,
  updateRequest,
} from './outgoing.ts';
import type { Picture } from './picture.ts';
import { type ConnectTo, openConnection } from './socket.ts';

const FENCE_REQUEST = 0x80000000;
/** BlockBefore, BlockAfter, SyncNext: what a client answers of a fence's flags. */
const FENCE_KNOWN = 0x7;

export interface ConnectOptions {
  /** Limit for connecting and for the handshake together. Milliseconds. */
  readonly timeoutMs?: number;
  /** Limit for the TCP connection alone; a machine that is just waking up answers no first SYN. */
  readonly reachTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface PictureOptions {
  /** Milliseconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface RfbEvents {
  /**
   * One whole update was applied to the framebuffer; these parts changed, perhaps none (a cursor or a
   * size alone). Either way the last request is used up.
   */
  update: [damage: readonly Rect[]];
  /** The desktop has another size; `framebuffer` is a new, black buffer. */
  resize: [width: number, height: number];
  cursor: [cursor: Cursor];
  /** Text copied in the desktop. */
  clipboard: [text: string];
  /** The desktop asked for the text that was last given to `clipboard()`, and got it. */
  clipboardTaken: [];
  /** The server turned out to know continuous updates. */
  continuous: [];
  /** Once, last. Null: we closed it. */
  closed: [error: RfbError | null];
}

/**
 * An RFB 3.8 client for a server that is not trusted: each length it names is bounded (see LIMITS), and
 * a breach closes the connection with an RfbError.
 */
export class RfbClient extends EventEmitter<RfbEvents> {
  #name = '';
  #reached: boolean;
  #opened = false;
  #continuousUpdates = false;
  #extendedKeys = false;
  #extendedClipboard = false;
  #continuousOn = false;
  #ownClipboard = '';
  #screenOfServer: Screen | null = null;
  #closed = false;
  #closeReason: RfbError | null = null;
  #area: Rect | null = null;
  #coverage: Coverage | null = null;
  #picturesWanted = 0;
  readonly #stream: Duplex;
  readonly #screen = new Framebuffer();
  readonly #damage = new Damage();
  #incoming: Incoming | null = null;

  /** Throws RfbError: connect_failed, timeout, aborted, refused, unsupported, protocol, limit. */
  static async connect(to: ConnectTo, options?: ConnectOptions): Promise<RfbClient>;
  static async connect(to: ConnectTo & ConnectOptions): Promise<RfbClient>;
  static async connect(to: ConnectTo & ConnectOptions, options: ConnectOptions = to): Promise<RfbClient> {
    const { timeoutMs = 10_000, reachTimeoutMs = timeoutMs, signal } = options;
    if (signal?.aborted === true) {
      if ('stream' in to) to.stream.destroy();
      throw new RfbError('aborted', 'connecting was aborted');
    }
    const opening = Promise.withResolvers<RfbClient>();
    // Bytes can arrive only after this function has returned to the event loop, so the client exists.
    let client: RfbClient | null = null;
    const stream = openConnection(to, (chunk) => {
      if (client !== null) client.#receive(chunk);
    });
    client = new RfbClient(stream, opening.resolve);
    const opened = client;
    const onClosed = (error: RfbError | null): void => {
      opening.reject(error ?? new RfbError('closed', 'the connection was closed'));
    };
    const onAbort = (): void => opened.#end(new RfbError('aborted', 'connecting was aborted'));
    const timer = setTimeout(() => {
      opened.#end(new RfbError('timeout', `no RFB server answered within ${timeoutMs} ms`));
    }, timeoutMs);
    const reach = setTimeout(() => {
      if (!opened.#reached) opened.#end(new RfbError('timeout', `not reached within ${reachTimeoutMs} ms`));
    }, reachTimeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    client.once('closed', onClosed);
    try {
      await opening.promise;
      // What came in one piece with the greeting has been read by now.
      if (client.#closed) throw client.#closeReason ?? new RfbError('closed', 'the connection was closed');
      return client;
    } finally {
      clearTimeout(timer);
      clearTimeout(reach);
      signal?.removeEventListener('abort', onAbort);
      client.off('closed', onClosed);
    }
  }

  private constructor(stream: Duplex, opened: (client: RfbClient) => void) {
    super();
    this.#stream = stream;
    this.#reached = !(stream instanceof Socket && stream.connecting);
    stream.once('connect', () => {
      this.#reached = true;
    });
    stream.on('error', (cause: NodeJS.ErrnoException) => {
      this.#end(
        new RfbError(
          !this.#opened ? 'connect_failed' : 'closed',
          `RFB connection: ${cause.code ?? cause.message}`,
          {
            cause,
          },
        ),
      );
    });
    stream.on('close', () => this.#end(new RfbError('closed', 'the server closed the connection')));
    stream.on('end', () => this.#end(new RfbError('closed', 'the server closed the connection')));
    this.#incoming = new Incoming(
      parseConversation(this.#screen, {
        send: (message) => this.#send(message),
        opened: (init) => {
          this.#open(init);
          opened(this);
        },
        damaged: (rect) => {
          this.#damage.add(rect);
          this.#coverage?.add(rect);
        },
        resized: () => this.#resized(),
        screen: (screen) => {
          this.#screenOfServer = screen;
        },
        cursor: (cursor) => this.emit('cursor', cursor),
        updated: () => this.emit('update', this.#damage.take()),
        clipboard: (action) => this.#clipboardSaid(action),
        fence: (flags, payload) => {
          if ((flags & FENCE_REQUEST) !== 0) this.#send(fence(flags & FENCE_KNOWN, payload));
        },
        supports: (what) => {
          if (what === 'extendedKeys') this.#extendedKeys = true;
          else if (!this.#continuousUpdates) {
            this.#continuousUpdates = true;
            this.emit('continuous');
          }
        },
      }),
    );
  }

  get width(): number {
    return this.#screen.width;
  }

  get height(): number {
    return this.#screen.height;
  }

  /** BGRX, 4 bytes a pixel, rows without padding. Live: it changes under you, and `resize` replaces it. */
  get framebuffer(): Buffer {
    return this.#screen.pixels;
  }

  get name(): string {
    return this.#name;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Known some time after connecting, when the server said so. */
  get supportsContinuousUpdates(): boolean {
    return this.#continuousUpdates;
  }

  get supportsExtendedKeys(): boolean {
    return this.#extendedKeys;
  }

  /** Known some time after connecting, when the server said so. */
  get supportsSetSize(): boolean {
    return this.#screenOfServer !== null;
  }

  /**
   * Asks for a desktop of another size, in pixels, within LIMITS.side; `resize` follows when the server agrees.
   * No effect where the server cannot.
   */
  setSize(width: number, height: number): void {
    if (this.#screenOfServer === null) return;
    if (width < 1 || height < 1 || width > LIMITS.side || height > LIMITS.side) return;
    this.#send(setDesktopSize(width, height, this.#screenOfServer));
  }

  /** Asks for the watched area, by default only for what changed: then the answer waits for a change. */
  requestUpdate(incremental = true): void {
    this.#send(updateRequest(incremental, this.#watched()));
  }

  /**
   * What of the desktop updates are about from now on, where the size stays; null: all of it. Cursor and size are told
   * whatever the area.
   */
  watchArea(area: Rect | null): void {
    // Where only few pixels are wanted, a server need not find out which of all have really changed.
    if ((area === null) !== (this.#area === null)) {
      this.#send(setEncodings(area === null ? OFFERED : [...OFFERED, ENCODING.compressLevel0]));
    }
    this.#area = area;
    if (this.#continuousOn) this.#send(enableContinuousUpdates(true, this.#watched()));
  }

  /** Lets the server send changes without being asked each time. No effect where it cannot. */
  continuousUpdates(enable: boolean): void {
    if (!this.#continuousUpdates || enable === this.#continuousOn) return;
    this.#continuousOn = enable;
    this.#send(enableContinuousUpdates(enable, this.#watched()));
  }

  /** Position in pixels (kept inside the desktop); mask: bit 0 left, 1 middle, 2 right, 3 to 6 the wheel. */
  pointer(x: number, y: number, mask: number): void {
    this.#send(
      pointerEvent(
        mask & 0xff,
        Math.max(0, Math.min(this.width - 1, Math.trunc(x))),
        Math.max(0, Math.min(this.height - 1, Math.trunc(y))),
      ),
    );
  }

  /** keysym: X11; scanCode: XT set 1 of the physical key, used where the server knows extended keys. */
  key(keysym: number, down: boolean, scanCode?: number): void {
    this.#send(
      scanCode !== undefined && this.#extendedKeys
        ? extendedKeyEvent(keysym, down, scanCode)
        : keyEvent(keysym, down),
    );
  }

  /** Puts text into the desktop's clipboard. Without the server's extension only Latin-1 survives. */
  clipboard(text: string): void {
    if (!this.#extendedClipboard) {
      this.#send(plain(text));
      return;
    }
    this.#ownClipboard = text;
    this.#send(notify());
  }

  /** One whole, fresh picture of the desktop. Throws RfbError: timeout, aborted, or what closed it. */
  async takePicture(options: PictureOptions = {}): Promise<Picture> {
    const { timeoutMs = 10_000, signal } = options;
    if (this.#closed) throw this.#closeReason ?? new RfbError('closed', 'the connection is closed');
    const done = Promise.withResolvers<Picture>();
    const onUpdate = (): void => {
      if (this.#coverage?.whole !== true) {
        this.requestUpdate();
        return;
      }
      done.resolve({ width: this.width, height: this.height, pixels: Buffer.from(this.framebuffer) });
    };
    const onResize = (): void => this.requestUpdate(false);
    const onClosed = (error: RfbError | null): void =>
      done.reject(error ?? new RfbError('closed', 'the connection was closed'));
    const onAbort = (): void => done.reject(new RfbError('aborted', 'taking a picture was aborted'));
    const timer = setTimeout(
      () => done.reject(new RfbError('timeout', `no whole picture within ${timeoutMs} ms`)),
      timeoutMs,
    );
    signal?.addEventListener('abort', onAbort, { once: true });
    this.on('update', onUpdate).on('resize', onResize).on('closed', onClosed);
    if (signal?.aborted === true) onAbort();
    this.#picturesWanted += 1;
    this.#coverage = new Coverage(this.width, this.height);
    this.requestUpdate(false);
    try {
      return await done.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      this.off('update', onUpdate).off('resize', onResize).off('closed', onClosed);
      this.#picturesWanted -= 1;
      if (this.#picturesWanted === 0) this.#coverage = null;
    }
  }

  /** Ends the connection; `closed` follows at once with null. */
  close(): void {
    this.#end(null);
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    try {
      this.#incoming?.push(chunk);
    } catch (error) {
      this.#end(
        error instanceof RfbError ? error : new RfbError('protocol', String(error), { cause: error }),
      );
    }
  }

  #open(init: ServerInit): void {
    this.#opened = true;
    this.#name = init.name;
  }

  #resized(): void {
    this.#damage.take();
    if (this.#coverage !== null) this.#coverage = new Coverage(this.width, this.height);
    // The area of continuous updates is the old one.
    if (this.#continuousOn) this.#send(enableContinuousUpdates(true, this.#watched()));
    this.emit('resize', this.width, this.height);
  }

  #clipboardSaid(said: ClipboardAction): void {
    if (said.action === 'gives') this.emit('clipboard', said.text);
    else if (said.action === 'announces') this.#send(request());
    else if (said.action === 'asks') {
      this.#send(provide(this.#ownClipboard));
      this.emit('clipboardTaken');
    } else if (said.action === 'capabilities') {
      this.#extendedClipboard = true;
      this.#send(capabilities());
    }
  }

  #watched(): Rect {
    return this.#area ?? { x: 0, y: 0, width: this.width, height: this.height };
  }

  #send(message: Buffer): void {
    if (this.#closed) return;
    this.#stream.write(message);
    if (this.#stream.writableLength > LIMITS.backlog) {
      this.#end(new RfbError('limit', `the server left ${this.#stream.writableLength} bytes unread`));
    }
  }

  #end(reason: RfbError | null): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#closeReason = reason;
    this.#ownClipboard = '';
    this.#stream.destroy();
    this.emit('closed', reason);
  }
}
