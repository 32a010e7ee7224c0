import {
  type ControlState,
  desktopMessageSchema,
  type Fault,
  type InputMessage,
  PASTE_KEYS,
  SESSION_OVER_CODE,
  VNC_PROTOCOLS,
} from '@browser-vm/protocol';
import type RFB from '@novnc/novnc';
import { characterKeysym } from '../input/keysym.ts';
import type { Counters } from '../statistics/statistics.ts';
import { onFirstCanvasPaint } from '../video/first-frame.ts';

/** The gateway opens before the desktop does; attempts are this far apart at most. Milliseconds. */
const RETRY_MS = { first: 500, most: 4_000 };

export interface NoVncOptions {
  readonly viewOnly: boolean;
  /** The desktop takes the size of the container. */
  readonly resize: boolean;
  readonly connected: () => void;
  readonly firstFrame: () => void;
  readonly size: (width: number, height: number) => void;
  readonly clipboard: (text: string) => void;
  /** How control stands for this viewer. */
  readonly control: (control: ControlState) => void;
  /** The connection ended; another attempt follows by itself unless the session is over. */
  readonly lost: (fault: Fault) => void;
}

/** The desktop over the controller's WebSocket gateway; connects again until it is closed. */
export class NoVncConnection {
  readonly #container: HTMLElement;
  readonly #url: string;
  readonly #options: NoVncOptions;
  #rfb: RFB | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #delayMs = RETRY_MS.first;
  #closed = false;
  #viewOnly: boolean;
  #resize: boolean;
  #bytes = 0;
  #socket: WebSocket | null = null;
  #inControl = false;
  #clipboard = true;

  constructor(container: HTMLElement, url: string, options: NoVncOptions) {
    this.#container = container;
    this.#url = url;
    this.#options = options;
    this.#viewOnly = options.viewOnly;
    this.#resize = options.resize;
    void this.#connect();
  }

  /** Keys and text; noVNC has the pointer. */
  send(message: InputMessage): void {
    if (message.type === 'key') this.#rfb?.sendKey(message.keysym, message.code || null, message.pressed);
    else if (message.type === 'clipboard') this.setClipboard(message.text);
    else if (message.type === 'text' && !this.#clipboard) {
      for (const character of message.text)
        for (const pressed of [true, false]) this.#rfb?.sendKey(characterKeysym(character), null, pressed);
    } else if (message.type === 'text') {
      this.setClipboard(message.text);
      for (const { keysym, code } of PASTE_KEYS) this.#rfb?.sendKey(keysym, code, true);
      for (const { keysym, code } of PASTE_KEYS.toReversed()) this.#rfb?.sendKey(keysym, code, false);
    }
  }

  /** False: there is no connection that could carry the wish. */
  takeControl(): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ type: 'take_control' } satisfies InputMessage));
    return true;
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
    this.#mayResize();
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

  /** Its connection is there no longer, although nobody said so. */
  again(): void {
    this.#rfb?.disconnect();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#rfb?.disconnect();
    this.#rfb = null;
  }

  /** noVNC waits for the answer to each size it asks for, so it asks for none that would be refused. */
  #mayResize(): void {
    if (this.#rfb !== null) this.#rfb.resizeSession = this.#resize && this.#inControl;
  }

  #controlSaid(text: string): void {
    const message = desktopMessageSchema.safeParse(JSON.parse(text));
    if (message.data?.type !== 'control') return;
    const { type: _, ...control } = message.data;
    if (control.mode === 'view') this.onlyWatch();
    this.#inControl = control.holder === 'you';
    this.#clipboard = control.clipboard;
    this.#mayResize();
    this.#options.control(control);
  }

  async #connect(): Promise<void> {
    const { default: Rfb } = await import('@novnc/novnc');
    if (this.#closed) return;
    // Opened here, so that the reason the gateway closes with is seen.
    const socket = new WebSocket(this.#url, [VNC_PROTOCOLS.control, VNC_PROTOCOLS.plain]);
    this.#socket = socket;
    this.#inControl = false;
    socket.binaryType = 'arraybuffer';
    // Before noVNC, which knows binary frames alone, listens.
    socket.addEventListener('message', (event: MessageEvent<ArrayBuffer | string>) => {
      const { data } = event;
      if (typeof data !== 'string') {
        this.#bytes += data.byteLength;
        return;
      }
      event.stopImmediatePropagation();
      this.#controlSaid(data);
    });
    let reason = '';
    let over = false;
    socket.addEventListener('close', (event) => {
      over = event.code === SESSION_OVER_CODE;
      reason = event.reason === '' ? `closed with code ${event.code}` : event.reason;
    });
    const rfb = new Rfb(this.#container, socket, { shared: true });
    this.#rfb = rfb;
    rfb.scaleViewport = true;
    // The keyboard is not noVNC's: only a text field knows of input methods and dead keys.
    rfb.focusOnClick = false;
    rfb.viewOnly = this.#viewOnly;
    this.#mayResize();
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
