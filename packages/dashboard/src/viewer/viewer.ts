import { type DesktopMessage, type Fault, GUEST, type ViewerReport } from '@browser-vm/protocol';
import { copyToClipboard } from './clipboard/clipboard.ts';
import type { Signaling } from './connection/signaling.ts';
import type { ViewerError } from './connection/viewer-error.ts';
import { faultOf } from './connection/viewer-error.ts';
import { type LossReason, WebRtcConnection } from './connection/webrtc.ts';
import { cursorStyle } from './cursor/cursor.ts';
import {
  type SwitchReason,
  type Transport,
  TypedEvents,
  type ViewerEvents,
  type ViewerStatus,
} from './events.ts';
import { DesktopInput } from './input/desktop-input.ts';
import type { Size } from './input/geometry.ts';
import { NoVncConnection } from './novnc/novnc.ts';
import { createSurface, type Surface } from './surface.ts';
import { onFirstVideoFrame } from './video/first-frame.ts';

/** WebRTC either connects within this time of its answer, or the viewer turns to noVNC. Milliseconds. */
const CONNECT_TIMEOUT_MS = 4_000;

export interface ViewerOptions {
  readonly signaling: Signaling;
  /** What to begin with; noVNC is turned to by itself when WebRTC does not work. Default `webrtc`. */
  readonly transport?: Transport;
  /** Milliseconds; default 4000. */
  readonly connectTimeoutMs?: number;
  /** Shows the desktop and sends nothing to it. Default false. */
  readonly viewOnly?: boolean;
}

/**
 * Shows and controls one session's desktop inside `parent`. Framework-free: `connect()` to begin, `use()`
 * to change the transport, `close()` to end; everything else is told by its events.
 */
export class Viewer extends TypedEvents<ViewerEvents> {
  readonly #surface: Surface;
  readonly #signaling: Signaling;
  readonly #connectTimeoutMs: number;
  readonly #viewOnly: boolean;
  readonly #abort = new AbortController();
  #transport: Transport;
  #status: ViewerStatus = 'idle';
  #desktop: Size = GUEST.display;
  #startedAt = 0;
  #webrtc: WebRtcConnection | null = null;
  #novnc: NoVncConnection | null = null;
  #input: DesktopInput | null = null;
  #stopWaitingForFrame = () => {};
  #stopWaitingForLive = () => {};
  /** Stages that were reported: each is a session's first. */
  readonly #reported = new Set<ViewerReport['stage']>();

  constructor(parent: ParentNode & Node, options: ViewerOptions) {
    super();
    this.#signaling = options.signaling;
    this.#transport = options.transport ?? 'webrtc';
    this.#connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    this.#viewOnly = options.viewOnly ?? false;
    this.#surface = createSurface(parent);
    this.#surface.root.addEventListener('keydown', (event) => this.#leaveOnShortcut(event), {
      capture: true,
      signal: this.#abort.signal,
    });
  }

  get status(): ViewerStatus {
    return this.#status;
  }

  get transport(): Transport {
    return this.#transport;
  }

  /** Begins; does nothing when begun or closed. */
  connect(): void {
    if (this.#status !== 'idle') return;
    this.#startedAt = performance.now();
    this.#open('connecting');
  }

  /** Changes the transport because the person wants it. */
  use(transport: Transport): void {
    if (transport !== this.#transport) this.#switch(transport, 'manual', `Switched to ${NAMES[transport]}`);
  }

  /** Gives the desktop the keyboard. */
  focus(): void {
    if (this.#transport === 'novnc') this.#novnc?.focus();
    else this.#surface.sink.focus({ preventScroll: true });
  }

  /** Brings up a phone's on-screen keyboard; to be called from a tap. */
  showKeyboard(): void {
    const { sink } = this.#surface;
    sink.blur();
    sink.inputMode = 'text';
    const hide = () => {
      sink.inputMode = 'none';
    };
    sink.addEventListener('blur', hide, { once: true });
    sink.focus({ preventScroll: true });
  }

  /** Puts text on the guest's clipboard. */
  setClipboard(text: string): void {
    if (this.#transport === 'novnc') this.#novnc?.setClipboard(text);
    else this.#webrtc?.send({ type: 'clipboard', text });
  }

  /** Ends for good, releases keys and connections, removes its elements. May be called again. */
  close(): void {
    if (this.#status === 'closed') return;
    this.#shut();
    this.#abort.abort();
    this.#surface.root.remove();
    this.#setStatus('closed', 'Disconnected');
  }

  #open(status: 'connecting' | 'reconnecting'): void {
    const novnc = this.#transport === 'novnc';
    this.#surface.novnc.hidden = !novnc;
    this.#surface.video.hidden = novnc;
    this.#setStatus(
      status,
      `${status === 'connecting' ? 'Connecting' : 'Reconnecting'} by ${NAMES[this.#transport]}`,
    );
    if (novnc) this.#openNoVnc();
    else this.#openWebRtc(status === 'reconnecting');
  }

  #openWebRtc(isRetry: boolean): void {
    let wasConnected = false;
    const connection = new WebRtcConnection(this.#signaling, this.#connectTimeoutMs, {
      connected: () => {
        wasConnected = true;
        this.#setStatus('connected', 'Connected by WebRTC');
        this.#attachInput(connection);
      },
      stream: (stream) => this.#show(stream),
      desktop: (message) => this.#desktopSays(message),
      lost: (error, reason) => this.#webRtcLost(error, reason, wasConnected && !isRetry),
    });
    this.#webrtc = connection;
  }

  #webRtcLost(error: ViewerError, reason: LossReason, mayRetry: boolean): void {
    this.#shut();
    this.emit('fault', error.fault);
    if (mayRetry) this.#open('reconnecting');
    else this.#switch('novnc', reason, `${error.fault.message}. Switched to noVNC.`);
  }

  #openNoVnc(): void {
    const connection = new NoVncConnection(this.#surface.novnc, this.#signaling.vncUrl(), {
      viewOnly: this.#viewOnly,
      connected: () => this.#setStatus('connected', 'Connected by noVNC'),
      firstFrame: () => this.#firstFrame('novnc'),
      size: (width, height) => this.#resized({ width, height }),
      clipboard: (text) => this.#guestCopied(text),
      lost: (fault) => {
        this.emit('fault', fault);
        this.#setStatus('reconnecting', `${fault.message}. Trying again.`);
      },
    });
    this.#novnc = connection;
    if (this.#viewOnly) return;
    const sink = { move: () => {}, send: connection.send.bind(connection), desktop: () => this.#desktop };
    this.#input = new DesktopInput(this.#surface, sink, { pointer: false });
  }

  #attachInput(connection: WebRtcConnection): void {
    if (this.#viewOnly) return;
    this.#input = new DesktopInput(
      this.#surface,
      {
        move: connection.sendMove.bind(connection),
        send: (message) => {
          const sent = connection.send(message);
          if (!sent && message.type === 'clipboard') this.emit('fault', CLIPBOARD_TOO_LONG);
        },
        desktop: () => this.#desktop,
      },
      { pointer: true },
    );
  }

  #switch(to: Transport, reason: SwitchReason, message: string): void {
    const from = this.#transport;
    this.#shut();
    this.#transport = to;
    this.emit('switch', { from, to, reason, message });
    if (this.#status !== 'idle' && this.#status !== 'closed') this.#open('connecting');
  }

  #show(stream: MediaStream): void {
    const { video } = this.#surface;
    video.srcObject = stream;
    this.#stopWaitingForFrame();
    this.#stopWaitingForFrame = onFirstVideoFrame(video, () => this.#firstFrame('webrtc'));
    video.play().catch((error: unknown) => {
      // Ending while it starts is no fault; a browser that forbids muted playback is one.
      if (this.#status === 'connected') this.emit('fault', faultOf(error));
    });
  }

  #firstFrame(transport: Transport): void {
    this.emit('first-frame', { transport, elapsedMs: performance.now() - this.#startedAt });
    this.#reportOnce('first_frame');
    // noVNC shows nothing but the VM's own picture.
    if (transport === 'novnc') this.#reportOnce('live_picture');
  }

  /** Until now the picture was the stand-in that the streamer sends first; the next frame is the VM's own. */
  #becameLive(): void {
    this.#stopWaitingForLive();
    this.#stopWaitingForLive = onFirstVideoFrame(this.#surface.video, () => this.#reportOnce('live_picture'));
  }

  #reportOnce(stage: ViewerReport['stage']): void {
    if (this.#reported.has(stage)) return;
    this.#reported.add(stage);
    const reported =
      stage === 'first_frame' ? this.#signaling.reportFirstFrame() : this.#signaling.reportLivePicture?.();
    reported?.catch((error: unknown) => {
      console.warn(`viewer: ${stage} could not be reported`, faultOf(error).message);
    });
  }

  #desktopSays(message: DesktopMessage): void {
    switch (message.type) {
      case 'size':
        this.#resized({ width: message.width, height: message.height });
        break;
      case 'cursor':
        this.#surface.root.style.cursor = cursorStyle(message);
        break;
      case 'clipboard':
        this.#guestCopied(message.text);
        break;
      case 'source':
        this.emit('source', { live: message.live });
        if (message.live) this.#becameLive();
    }
  }

  #resized(size: Size): void {
    this.#desktop = size;
    this.emit('size', size);
  }

  /** Straight onto this person's clipboard where the browser allows it; whoever listens may offer a button. */
  #guestCopied(text: string): void {
    void copyToClipboard(text).then((copied) => this.emit('clipboard', { text, copied }));
  }

  /** The desktop takes every key, so one combination leads out of it. */
  #leaveOnShortcut(event: KeyboardEvent): void {
    if (!event.ctrlKey || event.key !== 'F6') return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.target instanceof HTMLElement) event.target.blur();
    this.emit('leave', {});
  }

  #setStatus(status: ViewerStatus, detail: string): void {
    this.#status = status;
    this.emit('status', { status, transport: this.#transport, detail });
  }

  #shut(): void {
    this.#stopWaitingForFrame();
    this.#stopWaitingForLive();
    this.#input?.close();
    this.#input = null;
    this.#webrtc?.close();
    this.#webrtc = null;
    this.#novnc?.close();
    this.#novnc = null;
    this.#surface.video.srcObject = null;
    this.#surface.root.style.cursor = '';
  }
}

const CLIPBOARD_TOO_LONG: Fault = {
  code: 'clipboard_too_long',
  message: 'The copied text is too long for the connection',
  hop: 'viewer',
  remedy: 'Paste it in parts, or use noVNC.',
};

const NAMES: Readonly<Record<Transport, string>> = { webrtc: 'WebRTC', novnc: 'noVNC' };
