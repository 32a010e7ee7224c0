import type { Fault, InputMessage } from '@browser-vm/protocol';
import type RFB from '@novnc/novnc';
import { onPaste } from '../clipboard/clipboard.ts';
import { isPaste } from '../input/keyboard.ts';
import type { Counters } from '../statistics/statistics.ts';
import { onFirstCanvasPaint } from '../video/first-frame.ts';

/** The gateway opens before the desktop does; attempts are this far apart at most. Milliseconds. */
const RETRY_MS = { first: 500, most: 4_000 };
/** The gateway's close code for a session that has ended: there is nothing to come back to. */
const SESSION_OVER = 4410;
const KEY_V = { keysym: 0x76, code: 'KeyV' };

/** X11 keysyms and physical keys of everything that could stay down unseen. */
const MODIFIERS: readonly (readonly [number, string])[] = [
  [0xffe1, 'ShiftLeft'],
  [0xffe2, 'ShiftRight'],
  [0xffe3, 'ControlLeft'],
  [0xffe4, 'ControlRight'],
  [0xffe9, 'AltLeft'],
  [0xffea, 'AltRight'],
  [0xfe03, 'AltRight'],
  [0xffeb, 'MetaLeft'],
  [0xffec, 'MetaRight'],
];

export interface NoVncOptions {
  readonly viewOnly: boolean;
  /** The desktop takes the size of the container. */
  readonly resize: boolean;
  readonly connected: () => void;
  readonly firstFrame: () => void;
  readonly size: (width: number, height: number) => void;
  readonly clipboard: (text: string) => void;
  /** The connection ended; another attempt follows by itself unless the session is over. */
  readonly lost: (fault: Fault) => void;
}

/** The desktop over the controller's WebSocket gateway; connects again until it is closed. */
export class NoVncConnection {
  readonly #container: HTMLElement;
  readonly #url: string;
  readonly #options: NoVncOptions;
  readonly #stops: (() => void)[] = [];
  #rfb: RFB | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #delayMs = RETRY_MS.first;
  #closed = false;
  #viewOnly: boolean;
  #resize: boolean;
  #bytes = 0;

  constructor(container: HTMLElement, url: string, options: NoVncOptions) {
    this.#container = container;
    this.#url = url;
    this.#options = options;
    this.#viewOnly = options.viewOnly;
    this.#resize = options.resize;
    // noVNC takes every key; the paste shortcut must reach the browser to become a paste event.
    const keepPaste = (event: KeyboardEvent) => {
      if (isPaste(event)) event.stopPropagation();
    };
    container.addEventListener('keydown', keepPaste, { capture: true });
    this.#stops.push(() => container.removeEventListener('keydown', keepPaste, { capture: true }));
    // noVNC releases keys when the window loses focus, not when its canvas does.
    const release = () => this.#releaseModifiers();
    container.addEventListener('focusout', release);
    this.#stops.push(() => container.removeEventListener('focusout', release));
    this.#stops.push(onPaste(container, (text) => this.paste(text)));
    void this.#connect();
  }

  /** Text onto the guest's clipboard, then its paste key. Control is down: it was part of the shortcut. */
  paste(text: string): void {
    this.setClipboard(text);
    this.#rfb?.sendKey(KEY_V.keysym, KEY_V.code);
  }

  /** Keys that did not come from noVNC's own canvas: the on-screen keyboard's. */
  send(message: InputMessage): void {
    if (message.type === 'key') this.#rfb?.sendKey(message.keysym, message.code || null, message.pressed);
    else if (message.type === 'clipboard') this.setClipboard(message.text);
  }

  setClipboard(text: string): void {
    this.#rfb?.clipboardPasteFrom(text);
  }

  /** Sends nothing that acts on the desktop from now on. */
  onlyWatch(): void {
    this.#viewOnly = true;
    if (this.#rfb !== null) this.#rfb.viewOnly = true;
  }

  set resize(resize: boolean) {
    this.#resize = resize;
    if (this.#rfb !== null) this.#rfb.resizeSession = resize;
  }

  async counters(): Promise<Counters> {
    const { width = 0, height = 0 } = this.#container.querySelector('canvas') ?? {};
    return {
      at: performance.now(),
      bytes: this.#bytes,
      frames: null,
      packets: 0,
      lost: 0,
      route: 'novnc',
      roundTripMs: null,
      codec: 'RFB',
      size: width > 0 && height > 0 ? { width, height } : null,
    };
  }

  focus(): void {
    this.#rfb?.focus({ preventScroll: true });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    for (const stop of this.#stops) stop();
    this.#rfb?.disconnect();
    this.#rfb = null;
  }

  #releaseModifiers(): void {
    for (const [keysym, code] of MODIFIERS) this.#rfb?.sendKey(keysym, code, false);
  }

  async #connect(): Promise<void> {
    const { default: Rfb } = await import('@novnc/novnc');
    if (this.#closed) return;
    // Opened here, so that the reason the gateway closes with is seen.
    const socket = new WebSocket(this.#url);
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => {
      if (data instanceof ArrayBuffer) this.#bytes += data.byteLength;
    });
    let reason = '';
    let over = false;
    socket.addEventListener('close', (event) => {
      over = event.code === SESSION_OVER;
      reason = event.reason === '' ? `closed with code ${event.code}` : event.reason;
    });
    const rfb = new Rfb(this.#container, socket, { shared: true });
    this.#rfb = rfb;
    rfb.scaleViewport = true;
    rfb.viewOnly = this.#viewOnly;
    rfb.resizeSession = this.#resize;
    rfb.background = 'transparent';
    const canvas = () => this.#container.querySelector('canvas');
    let stopWatching = () => {};
    rfb.addEventListener('connect', () => {
      this.#delayMs = RETRY_MS.first;
      this.#options.connected();
      stopWatching = onFirstCanvasPaint(canvas, () => {
        const { width = 0, height = 0 } = canvas() ?? {};
        this.#options.size(width, height);
        this.#options.firstFrame();
      });
    });
    rfb.addEventListener('clipboard', (event) => {
      this.#options.clipboard((event as CustomEvent<{ text: string }>).detail.text);
    });
    rfb.addEventListener('disconnect', () => {
      stopWatching();
      if (this.#closed) return;
      this.#rfb = null;
      this.#options.lost(gatewayClosed(reason));
      if (over) return;
      this.#retry = setTimeout(() => void this.#connect(), this.#delayMs);
      this.#delayMs = Math.min(this.#delayMs * 2, RETRY_MS.most);
    });
  }
}

function gatewayClosed(reason: string): Fault {
  return {
    code: 'novnc_closed',
    message: `The noVNC gateway ${reason === '' ? 'could not be reached' : `ended: ${reason}`}`,
    hop: 'viewer',
  };
}
