import {
  CLIPBOARD_IMAGE,
  type Fault,
  GUEST,
  type SessionWait,
  type ViewerReport,
} from '@browser-vm/protocol';
import { copyImageToClipboard, copyToClipboard } from './clipboard/clipboard.ts';
import { BackOff } from './connection/back-off.ts';
import { onNetworkHint } from './connection/network-hints.ts';
import { onPageLife } from './connection/page-life.ts';
import { placeText } from './connection/place-text.ts';
import type { Signaling } from './connection/signaling.ts';
import { faultOf, ViewerError } from './connection/viewer-error.ts';
import { type DesktopNews, type LossReason, WebRtcConnection } from './connection/webrtc.ts';
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
import { ON_SCREEN } from './input/keyboard.ts';
import type { TouchMode } from './input/touch.ts';
import { NoVncConnection } from './novnc/novnc.ts';
import { SizeFollower } from './size/size-follower.ts';
import { Sound } from './sound.ts';
import { StatisticsWatch } from './statistics/statistics-watch.ts';
import { countersOf } from './statistics/webrtc-counters.ts';
import { createSurface, type Surface } from './surface.ts';
import { Turn } from './turn.ts';
import { Curtain } from './video/curtain.ts';
import { hasPicture, onFirstVideoFrame } from './video/first-frame.ts';
import { shownPromptly } from './video/prompt.ts';

/** WebRTC either connects within this time of its answer, or noVNC shows the desktop meanwhile. Milliseconds. */
const CONNECT_TIMEOUT_MS = 3_000;
/** Pauses between attempts to come back to WebRTC while noVNC shows the desktop. Milliseconds. */
const WAY_BACK = { firstMs: 2_000, mostMs: 60_000 };
/** One that is closed sooner would be closed again and again. Milliseconds. */
const REOPEN_AFTER_MS = 5_000;
/** A desktop of which no frame comes for this long stands still. Milliseconds. */
const AT_REST_MS = 500;
/** A connection that lasted this long was a good one: the next way back begins with the first pause. Milliseconds. */
const LASTING_MS = 60_000;

export interface ViewerOptions {
  readonly signaling: Signaling;
  /** What to begin with; noVNC is turned to by itself when WebRTC does not work. Default `webrtc`. */
  readonly transport?: Transport;
  /** Milliseconds; default 3000. */
  readonly connectTimeoutMs?: number;
  /** Shows the desktop and sends nothing to it. Default false. */
  readonly viewOnly?: boolean;
  /** What fingers mean; default `direct`. */
  readonly touchMode?: TouchMode;
  /** Does the desktop take the viewer's size? Default true; false: it has its own. */
  readonly follow?: boolean;
  /** Pixels of the desktop for one CSS pixel, at most. Default 1.5: a guest does not scale its pages. */
  readonly maxDensity?: number;
}

/**
 * Shows and controls one session's desktop inside `parent`. Framework-free: `connect()` to begin, `use()`
 * to change the transport, `close()` to end; everything else is told by its events.
 */
export class Viewer extends TypedEvents<ViewerEvents> {
  readonly #surface: Surface;
  readonly #signaling: Signaling;
  readonly #connectTimeoutMs: number;
  #viewOnly: boolean;
  #touchMode: TouchMode;
  readonly #follower: SizeFollower;
  readonly #statistics: StatisticsWatch;
  readonly #sound: Sound;
  #soundTold: ViewerEvents['sound'] = { available: false, on: false };
  readonly #turn = new Turn();
  /** What the streamer said last; behind noVNC it is kept for later. */
  #streamed: { size: Size; control: ViewerEvents['control'] | null } = { size: GUEST.display, control: null };
  readonly #abort = new AbortController();
  #transport: Transport;
  #status: ViewerStatus = 'idle';
  /** There is nothing to connect to yet. */
  #wait: SessionWait | null = null;
  #desktop: Size = GUEST.display;
  #startedAt = 0;
  #webrtc: WebRtcConnection | null = null;
  #novnc: NoVncConnection | null = null;
  #input: DesktopInput | null = null;
  /** noVNC was not the person's wish, so WebRTC is tried behind it. */
  #comingBack = false;
  readonly #wayBack = new BackOff(WAY_BACK);
  readonly #curtain: Curtain;
  #cursor = '';
  #live = false;
  #webRtcSince = 0;
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
    this.#touchMode = options.touchMode ?? 'direct';
    this.#surface = createSurface(parent);
    this.#curtain = new Curtain(this.#surface.curtain);
    this.#abort.signal.addEventListener(
      'abort',
      onNetworkHint(() => this.#wayBack.hurry()),
      { once: true },
    );
    this.#abort.signal.addEventListener(
      'abort',
      onPageLife({ left: () => this.#pageLeft(), back: () => this.#pageBack() }),
      { once: true },
    );
    const deaf = this.#signaling.onWayLost?.(() => this.#novnc?.again());
    this.#abort.signal.addEventListener('abort', () => deaf?.(), { once: true });
    const unheard = this.#signaling.onWait?.((wait) => this.#placeChanged(wait));
    this.#abort.signal.addEventListener('abort', () => unheard?.(), { once: true });
    const untold = this.#signaling.onImageCopied?.((copied) => this.emit('image', { copied }));
    this.#abort.signal.addEventListener('abort', () => untold?.(), { once: true });
    this.#follower = new SizeFollower(
      {
        box: this.#surface.root,
        maxDensity: options.maxDensity,
        allowed: () => this.#transport === 'webrtc' && this.#live && this.#turn.mine,
        desktop: () => this.#desktop,
        ask: (size) => this.#webrtc?.send({ type: 'resize', ...size }),
      },
      (options.follow ?? true) ? null : GUEST.display,
    );
    this.#statistics = new StatisticsWatch(
      this.#surface.root,
      () => ({ transport: this.#transport, counters: () => this.#counters() }),
      (statistics) => this.emit('statistics', statistics),
    );
    this.#sound = new Sound(this.#surface.audio, {
      ask: (on) => this.#webrtc?.send({ type: 'sound', on }),
      changed: () => this.#tellSound(),
      refused: (error) => this.emit('fault', faultOf(error)),
    });
    this.#surface.root.addEventListener('keydown', (event) => this.#ownShortcut(event), {
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

  /** Tells of a fault that leaves nothing to connect to. */
  refuse(fault: Fault): void {
    this.emit('fault', fault);
    this.close();
  }

  /** Changes the transport because the person wants it. */
  use(transport: Transport): void {
    if (transport === this.#transport) return;
    this.#comingBack = false;
    this.#wayBack.reset();
    // A connection that is left before it told may have control, and would keep it until it is noticed to be gone.
    const untold = this.#webrtc !== null && this.#streamed.control === null;
    this.#switch(transport, 'manual', `Switched to ${NAMES[transport]}`);
    if (untold) this.#turn.keep(true);
  }

  /** Gives the desktop the keyboard. */
  focus(): void {
    this.#surface.sink.focus({ preventScroll: true });
  }

  /** Brings up a phone's on-screen keyboard; to be called from a tap. */
  showKeyboard(): void {
    const { sink } = this.#surface;
    sink.blur();
    sink.inputMode = 'text';
    sink.value = ON_SCREEN;
    const hide = () => {
      sink.inputMode = 'none';
      sink.value = '';
    };
    sink.addEventListener('blur', hide, { once: true });
    sink.focus({ preventScroll: true });
  }

  /** Who acts on the desktop, and what this viewer may do. */
  get control(): ViewerEvents['control'] {
    return this.#turn.control;
  }

  /**
   * Takes control from whoever has it; the `control` event tells when this viewer has it. False: there is no
   * connection that could carry the wish.
   */
  takeControl(): boolean {
    if (this.#transport === 'novnc') return this.#novnc?.takeControl() ?? false;
    return this.#webrtc?.send({ type: 'take_control' }) ?? false;
  }

  /** Does the desktop take the viewer's size? */
  get follows(): boolean {
    return this.#follower.follows;
  }

  /** The desktop takes the viewer's size from now on, or its own again. Only the viewer in control decides. */
  follow(follows: boolean): void {
    this.#follower.keep(follows ? null : GUEST.display);
    if (this.#novnc !== null) this.#novnc.resize = follows;
  }

  get statisticsShown(): boolean {
    return this.#statistics.shown;
  }

  /** Shows figures of the connection over the desktop, once a second. */
  showStatistics(shown: boolean): void {
    if (shown === this.#statistics.shown) return;
    this.#statistics.show(shown);
    this.emit('statistics-shown', { shown });
  }

  /** Can the desktop be heard by this way, and does the person want to hear it? */
  get sound(): ViewerEvents['sound'] {
    return { available: this.#transport === 'webrtc' && this.#sound.offered, on: this.#sound.on };
  }

  /** The desktop is heard from now on, or no longer; at first it is not. On only from a click, as browsers want it. */
  setSound(on: boolean): void {
    this.#sound.turn(on);
  }

  get touchMode(): TouchMode {
    return this.#touchMode;
  }

  /** What fingers on the desktop mean from now on. noVNC has its own way, which is `direct`. */
  setTouchMode(mode: TouchMode): void {
    this.#touchMode = mode;
    if (this.#input !== null) this.#input.touchMode = mode;
  }

  /** Pastes text, or a PNG, into what has the focus in the guest. */
  paste(copied: string | Blob): void {
    this.#input?.paste(copied);
  }

  /**
   * Puts the image that was copied in the guest on this person's clipboard; to be called from a click. False: there is
   * none. Rejects with what refused it.
   */
  async copyImage(): Promise<boolean> {
    const asked = this.#signaling.clipboardImage?.() ?? Promise.resolve(null);
    const present = asked.then((png) => {
      if (png === null) throw new Error('no image is copied');
      return png;
    });
    present.catch(() => {});
    const copied = copyImageToClipboard(present);
    if ((await asked.catch(() => null)) !== null) return copied.then(() => true);
    await copied.catch(() => {});
    await asked;
    return false;
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
    this.#follower.close();
    this.#statistics.close();
    this.#abort.abort();
    this.#surface.root.remove();
    this.#setStatus('closed', 'Disconnected');
  }

  #open(status: 'connecting' | 'reconnecting'): void {
    const novnc = this.#transport === 'novnc';
    this.#surface.novnc.hidden = !novnc;
    this.#surface.video.hidden = novnc;
    if (this.#wait !== null) {
      this.#setStatus('waiting', `Waiting to start. ${placeText(this.#wait)}.`);
      return;
    }
    this.#setStatus(
      status,
      `${status === 'connecting' ? 'Connecting' : 'Reconnecting'} by ${NAMES[this.#transport]}`,
    );
    if (novnc) this.#openNoVnc();
    else this.#openWebRtc();
  }

  /** Nobody is asked for a desktop that is not being started; no time that one may take begins before. */
  #placeChanged(wait: SessionWait | null): void {
    if (wait === null && this.#wait === null) return;
    this.#wait = wait;
    this.emit('wait', { wait });
    if (this.#status === 'idle' || this.#status === 'closed') return;
    this.#shut();
    this.#comingBack = false;
    this.#open('connecting');
  }

  /** In front, or behind noVNC, where it says nothing until it can take over. */
  #openWebRtc(): void {
    const inFront = () => this.#transport === 'webrtc';
    let wasConnected = false;
    const connection = new WebRtcConnection(this.#signaling, this.#connectTimeoutMs, {
      connected: () => {
        wasConnected = true;
        if (inFront()) this.#webRtcConnected(connection);
        else this.#takeOver(connection);
      },
      interrupted: () => {
        if (inFront()) this.#setStatus('reconnecting', 'The connection was interrupted. Reconnecting.');
      },
      resumed: () => {
        if (!inFront()) return this.#takeOver(connection);
        this.#setStatus('connected', 'Connected by WebRTC');
        this.#sound.again();
      },
      late: (error) => {
        if (!inFront()) return;
        connection.dropWaiting();
        this.emit('fault', error.fault);
        this.#fallBack(error, 'timeout', true);
      },
      stream: (stream) => this.#show(stream),
      sound: (stream) => this.#sound.carry(stream),
      desktop: (message) => this.#desktopSays(message),
      lost: (error, reason) => {
        if (!inFront()) {
          this.#stopWaitingForFrame();
          this.#closeWebRtc();
          this.#surface.video.hidden = true;
          this.#comeBackLater(error);
          return;
        }
        this.emit('fault', error.fault);
        // What was closed may be opened at once; what no longer came through is tried behind noVNC.
        const lasted = wasConnected && performance.now() - this.#webRtcSince > REOPEN_AFTER_MS;
        if (lasted && reason === 'failed') this.#reopen();
        else this.#fallBack(error, reason);
      },
    });
    this.#webrtc = connection;
  }

  #webRtcConnected(connection: WebRtcConnection): void {
    this.#webRtcSince = performance.now();
    this.#setStatus('connected', 'Connected by WebRTC');
    this.#attachInput(connection);
    this.#sound.again();
    this.#tellSound();
  }

  #reopen(): void {
    this.#curtain.hold(this.#surface.video);
    this.#shut();
    this.#open('reconnecting');
  }

  /** Browsers tell the streamer late, or never, of a connection that they drop with its page. */
  #pageLeft(): void {
    this.#shut();
    this.#turn.giveUp();
  }

  #pageBack(): void {
    if (this.#status === 'idle' || this.#status === 'closed') return;
    this.#open('reconnecting');
    if (this.#comingBack) this.#wayBack.schedule(() => this.#openWebRtc());
  }

  /** noVNC from now on, and back as soon as WebRTC works. A connection that is only late goes on behind it. */
  #fallBack(error: ViewerError, reason: LossReason, isLate = false): void {
    if (performance.now() - this.#webRtcSince > LASTING_MS) this.#wayBack.reset();
    this.#comingBack = true;
    this.#switch('novnc', reason, `${error.fault.message}. Switched to noVNC.`, isLate);
    if (!isLate) this.#comeBackLater(error);
  }

  #comeBackLater(error: ViewerError): void {
    if (this.#comingBack && !OVER.has(error.fault.code)) this.#wayBack.schedule(() => this.#openWebRtc());
  }

  /** WebRTC works again: noVNC shows the desktop until the video does. */
  #takeOver(connection: WebRtcConnection): void {
    const { video, novnc } = this.#surface;
    video.hidden = false;
    this.#stopWaitingForFrame();
    const takeOver = () => {
      if (!connection.usable) return;
      this.#comingBack = false;
      // From this person to this person, so that nobody who waits gets it in between.
      if (this.#turn.mine) connection.send({ type: 'take_control' });
      this.#closeNoVnc();
      novnc.hidden = true;
      this.#curtain.lift();
      this.#transport = 'webrtc';
      const message = 'WebRTC works again. Switched back.';
      this.emit('switch', { from: 'novnc', to: 'webrtc', reason: 'recovered', message });
      this.#surface.root.style.cursor = this.#cursor;
      this.#webRtcConnected(connection);
      this.emit('source', { live: this.#live });
      this.#resized(this.#streamed.size);
      if (this.#streamed.control !== null) this.#controlChanged(this.#streamed.control);
      this.#follower.again();
      this.#firstFrame('webrtc');
    };
    // The first frame may come before the data channels are open, and at rest no other follows.
    if (hasPicture(video)) takeOver();
    else this.#stopWaitingForFrame = onFirstVideoFrame(video, takeOver);
  }

  #openNoVnc(): void {
    const connection = new NoVncConnection(this.#surface.novnc, this.#signaling.vncUrl(), {
      viewOnly: this.#viewOnly,
      resize: this.#follower.follows,
      connected: () => this.#setStatus('connected', 'Connected by noVNC'),
      firstFrame: () => {
        this.#curtain.lift();
        this.#firstFrame('novnc');
      },
      size: (width, height) => this.#resized({ width, height }),
      clipboard: (text) => this.#guestCopied(text),
      control: (control) => this.#controlChanged(control),
      lost: (fault) => {
        this.#keepTurn();
        this.emit('fault', fault);
        this.#setStatus('reconnecting', `${fault.message}. Trying again.`);
      },
    });
    this.#novnc = connection;
    if (this.#viewOnly) return;
    const sink = {
      move: () => {},
      send: connection.send.bind(connection),
      image: (png: Blob) => this.#giveImage(png),
      desktop: () => this.#desktop,
    };
    this.#input = new DesktopInput(this.#surface, sink, {
      pointer: false,
      touchMode: this.#touchMode,
    });
  }

  #onlyWatch(): void {
    this.#viewOnly = true;
    this.#input?.close();
    this.#input = null;
  }

  #controlChanged(control: ViewerEvents['control']): void {
    const gained = control.holder === 'you' && !this.#turn.mine;
    if (control.mode === 'view') this.#onlyWatch();
    this.#turn.told(control, () => this.takeControl());
    if (gained) this.#follower.again();
    this.emit('control', control);
  }

  /** Input has no effect until the next connection has told who is in control. */
  #keepTurn(): void {
    this.#turn.keep();
    this.emit('control', this.#turn.control);
  }

  async #counters() {
    if (this.#transport === 'novnc') return (await this.#novnc?.counters()) ?? null;
    const report = (await this.#webrtc?.statistics()) ?? null;
    return report === null ? null : countersOf(report);
  }

  #attachInput(connection: WebRtcConnection): void {
    if (this.#viewOnly) return;
    this.#input = new DesktopInput(
      this.#surface,
      {
        move: connection.sendMove.bind(connection),
        send: (message) => {
          const sent = connection.send(message);
          if (!sent && connection.usable && message.type === 'clipboard')
            this.emit('fault', CLIPBOARD_TOO_LONG);
        },
        image: (png) => this.#giveImage(png),
        desktop: () => this.#desktop,
      },
      { pointer: true, touchMode: this.#touchMode },
    );
  }

  /** To the guest's clipboard. Only who is in control changes it. */
  async #giveImage(png: Blob): Promise<boolean> {
    if (!this.#turn.mine || !this.#turn.control.clipboard) return false;
    try {
      if (png.size > CLIPBOARD_IMAGE.maxBytes) throw new ViewerError(IMAGE_TOO_LARGE);
      if (this.#signaling.setClipboardImage === undefined) return false;
      await this.#signaling.setClipboardImage(png);
      return true;
    } catch (error) {
      this.emit('fault', faultOf(error));
      return false;
    }
  }

  #switch(to: Transport, reason: SwitchReason, message: string, keepWebRtc = false): void {
    const from = this.#transport;
    const { video, novnc } = this.#surface;
    this.#curtain.hold(from === 'novnc' ? novnc.querySelector('canvas') : video);
    if (keepWebRtc) this.#leaveFront();
    else this.#shut();
    this.#transport = to;
    this.emit('switch', { from, to, reason, message });
    this.#tellSound();
    if (this.#status !== 'idle' && this.#status !== 'closed') this.#open('connecting');
  }

  #show(stream: MediaStream): void {
    const { video } = this.#surface;
    // In place of one that broke: its last picture stays until this one has its first.
    if (this.#transport === 'webrtc') this.#curtain.hold(video);
    video.srcObject = shownPromptly(stream);
    if (this.#transport === 'webrtc') {
      this.#stopWaitingForFrame();
      this.#stopWaitingForFrame = onFirstVideoFrame(video, () => {
        this.#curtain.lift();
        this.#firstFrame('webrtc');
      });
    }
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
    this.#follower.again();
    const report = () => this.#reportOnce('live_picture');
    const stop = onFirstVideoFrame(this.#surface.video, report);
    // A desktop that was live before this viewer came may be at rest, its picture shown already.
    const timer = setTimeout(() => {
      if (hasPicture(this.#surface.video)) report();
    }, AT_REST_MS);
    this.#stopWaitingForLive = () => {
      stop();
      clearTimeout(timer);
    };
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

  #desktopSays(message: DesktopNews): void {
    // Behind noVNC it is heard from noVNC; what lasts is kept for later.
    const inFront = this.#transport === 'webrtc';
    switch (message.type) {
      case 'size':
        this.#streamed.size = { width: message.width, height: message.height };
        if (inFront) this.#resized(this.#streamed.size);
        break;
      case 'cursor':
        this.#cursor = cursorStyle(message);
        if (inFront) this.#surface.root.style.cursor = this.#cursor;
        break;
      case 'clipboard':
        if (inFront) this.#guestCopied(message.text);
        break;
      case 'source':
        this.#live = message.live;
        if (!inFront) break;
        this.emit('source', { live: message.live });
        if (message.live) this.#becameLive();
        break;
      case 'control': {
        const { type: _, ...control } = message;
        this.#streamed.control = control;
        if (inFront) this.#controlChanged(control);
      }
    }
  }

  #tellSound(): void {
    const { available, on } = this.sound;
    if (available === this.#soundTold.available && on === this.#soundTold.on) return;
    this.#soundTold = { available, on };
    this.emit('sound', this.#soundTold);
  }

  #resized(size: Size): void {
    this.#desktop = size;
    this.emit('size', size);
  }

  /** Straight onto this person's clipboard where the browser allows it; whoever listens may offer a button. */
  #guestCopied(text: string): void {
    void copyToClipboard(text).then((copied) => this.emit('clipboard', { text, copied }));
  }

  /** The desktop takes every key but two: Control and F6 lead out of it, Control and F8 show statistics. */
  #ownShortcut(event: KeyboardEvent): void {
    if (!event.ctrlKey || (event.key !== 'F6' && event.key !== 'F8')) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.key === 'F8') {
      this.showStatistics(!this.statisticsShown);
      return;
    }
    if (event.target instanceof HTMLElement) event.target.blur();
    this.emit('leave', {});
  }

  #setStatus(status: ViewerStatus, detail: string): void {
    this.#status = status;
    this.emit('status', { status, transport: this.#transport, detail });
  }

  #shut(): void {
    this.#wayBack.cancel();
    this.#leaveFront();
    this.#closeWebRtc();
  }

  /** What shows the desktop now shows it no longer; WebRTC itself goes on. */
  #leaveFront(): void {
    this.#stopWaitingForFrame();
    this.#stopWaitingForLive();
    // Also when WebRTC goes on behind: until it is noticed to be lost, control would stay with it.
    if (this.#webrtc !== null && this.#transport === 'webrtc') this.#keepTurn();
    this.#closeNoVnc();
    this.#surface.root.style.cursor = '';
  }

  #closeNoVnc(): void {
    this.#input?.close();
    this.#input = null;
    if (this.#novnc !== null) this.#keepTurn();
    this.#novnc?.close();
    this.#novnc = null;
  }

  #closeWebRtc(): void {
    this.#streamed.control = null;
    this.#webrtc?.close();
    this.#webrtc = null;
    this.#live = false;
    this.#cursor = '';
    this.#surface.video.srcObject = null;
    this.#sound.carry(null);
  }
}

/** Faults of a session that has ended: there is nothing to come back to. */
const OVER: ReadonlySet<string> = new Set(['session_over', 'unknown_session']);

const CLIPBOARD_TOO_LONG: Fault = {
  code: 'clipboard_too_long',
  message: 'The copied text is too long for the connection',
  hop: 'viewer',
  remedy: 'Paste it in parts, or use noVNC.',
};

const IMAGE_TOO_LARGE: Fault = {
  code: 'clipboard_too_long',
  message: `The copied image is larger than ${CLIPBOARD_IMAGE.maxBytes / 1_048_576} MiB as PNG`,
  hop: 'viewer',
  remedy: 'Copy a part of it.',
};

const NAMES: Readonly<Record<Transport, string>> = { webrtc: 'WebRTC', novnc: 'noVNC' };
