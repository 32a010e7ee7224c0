import {
  CHANNELS,
  type DesktopMessage,
  desktopMessageSchema,
  type IceCandidate,
  type InputMessage,
  type PointerMove,
} from '@browser-vm/protocol';
import { CandidateQueue } from './candidate-queue.ts';
import { InputLog } from './input-log.ts';
import { Pulse } from './pulse.ts';
import type { Signaling } from './signaling.ts';
import { faultOf, ViewerError } from './viewer-error.ts';

/** How long the controller may take to answer an offer, which it does before the VM runs. Milliseconds. */
const ANSWER_TIMEOUT_MS = 15_000;
/** A connection that did not come up in time goes on trying, for those who wait for it, until this. Milliseconds. */
const GIVE_UP_MS = 15_000;
/** How soon after its answer another connection is late: the controller was just reached, so there is a network. Milliseconds. */
const RESTART_LATE_MS = 1_000;
/** While the network is away a request hangs; then another one is tried, with twice the time, up to the second. Milliseconds. */
const RESTART_REQUEST_MS = { first: 1_000, most: 8_000 };
/**
 * When an address is gone, a request on a connection that was made from it hangs, and a browser keeps six to one place
 * and tries one after the other: as many at once use them up.
 */
const RESTART_REQUESTS = 5;
const RESTART_PAUSE_MS = 500;
/** Moves are dropped while more than this waits to be sent: the next one says more. Bytes. */
const POINTER_BACKLOG = 16_384;
/** What is asked anew once a connection is back; everything else that a person does waits for it. */
const NOW_OR_NEVER: ReadonlySet<InputMessage['type']> = new Set(['take_control', 'resize', 'sound']);
/** Besides its servers. */
const CONFIGURATION = { bundlePolicy: 'max-bundle' } as const satisfies RTCConfiguration;

export type LossReason = 'timeout' | 'failed';

/** What the streamer tells of the desktop; the rest is the connection's own. */
export type DesktopNews = Exclude<DesktopMessage, { type: 'heard' }>;

export interface WebRtcListeners {
  readonly connected: () => void;
  /** Nothing comes any more; what is pressed and typed waits. It is being made anew: `resumed` or `lost` follows. */
  readonly interrupted: () => void;
  readonly resumed: () => void;
  /** There is a network, and this does not come up on it in time; it goes on trying. */
  readonly late: (error: ViewerError) => void;
  /** What to show; another one when the connection was made anew. */
  readonly stream: (stream: MediaStream) => void;
  /** What to play, if there is any; another one when the connection was made anew. */
  readonly sound: (stream: MediaStream) => void;
  readonly desktop: (message: DesktopNews) => void;
  /** At most once; the connection is closed by then. */
  readonly lost: (error: ViewerError, reason: LossReason) => void;
}

/** One try to reach the streamer. */
interface Line {
  readonly peer: RTCPeerConnection;
  readonly pointer: RTCDataChannel;
  readonly input: RTCDataChannel;
  /** Is it known what the streamer has heard before, so that what follows can be sent? */
  inStep: boolean;
  stream: MediaStream | null;
  /** Apart from the picture, which would wait for it otherwise. */
  sound: MediaStream | null;
}

/**
 * The connection of one viewer: posts its offer at once, trickles candidates both ways, carries video
 * down and input up. "Connected" means that input is accepted too. When nothing comes any more it is made anew, in
 * place of the one before, again and again while the controller cannot be reached; once it is lost, make another one.
 */
export class WebRtcConnection {
  readonly viewerId = crypto.randomUUID();
  readonly #signaling: Signaling;
  readonly #listeners: WebRtcListeners;
  readonly #abort = new AbortController();
  #line: Line | null = null;
  readonly #log = new InputLog();
  #pulse: Pulse | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #connected = false;
  #away = false;
  #restarting = false;
  /** The streamer's candidates, for the present negotiation. */
  #incoming = new CandidateQueue(() => {});
  /** Ours. */
  #outgoing = new CandidateQueue(() => {});

  /** `connectTimeoutMs` runs from the answer until input and video are connected, or are late. */
  constructor(signaling: Signaling, connectTimeoutMs: number, listeners: WebRtcListeners) {
    this.#signaling = signaling;
    this.#listeners = listeners;
    this.#begin(connectTimeoutMs).catch((error: unknown) => {
      this.#lose(error instanceof ViewerError ? error : new ViewerError(faultOf(error)), 'failed');
    });
  }

  /** Input is accepted. */
  get usable(): boolean {
    return this.#connected && !this.#away;
  }

  /** Sends a move unless the channel is closed or clogged. */
  sendMove(move: PointerMove): void {
    const pointer = this.#line?.pointer;
    if (this.#away || pointer?.readyState !== 'open' || pointer.bufferedAmount > POINTER_BACKLOG) return;
    pointer.send(JSON.stringify(move));
  }

  /**
   * Sends in order, once: what does not get through is sent again when the connection is back, unless that takes long.
   * False when it was dropped: there is no connection yet, nothing comes back and this does not wait, or the message is
   * larger than a channel takes.
   */
  send(message: InputMessage): boolean {
    if (!this.#connected || (!this.usable && NOW_OR_NEVER.has(message.type))) return false;
    const text = JSON.stringify(message);
    if (message.type === 'clipboard' && new Blob([text]).size > this.#maxMessageSize()) return false;
    this.#log.add(text, performance.now());
    this.#flush();
    return true;
  }

  /** What waits for the connection to be back is not sent: the person goes on by another way. */
  dropWaiting(): void {
    this.#log.drop();
  }

  /** What the browser knows of this connection; null before there is one. */
  async statistics(): Promise<RTCStatsReport | null> {
    return (await this.#line?.peer.getStats()) ?? null;
  }

  /** Closes at once and tells no listener. May be called again. */
  close(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
    this.#pulse?.stop();
    this.#line?.peer.close();
  }

  async #begin(connectTimeoutMs: number): Promise<void> {
    const { signal } = this.#abort;
    this.#timer = setTimeout(() => this.#lose(answerMissing(), 'timeout'), ANSWER_TIMEOUT_MS);
    const stop = this.#signaling.onCandidate(this.viewerId, (candidate) => this.#incoming.add(candidate));
    signal.addEventListener('abort', stop, { once: true });
    const line = this.#createLine(true);
    this.#line = line;
    await this.#negotiate(line, this.#iceServers(signal), signal);
    this.#expect(connectTimeoutMs, notConnected(connectTimeoutMs));
  }

  /**
   * An offer and its answer. The controller knows a viewer once it has answered; the peer takes candidates then. Nothing of
   * an offer depends on the servers, so both are asked at once.
   */
  async #negotiate({ peer }: Line, iceServers: Promise<RTCIceServer[]>, signal: AbortSignal): Promise<void> {
    const outgoing = new CandidateQueue((candidate) => this.#sendCandidate(candidate));
    const incoming = new CandidateQueue((candidate) => {
      if (candidate.candidate === '' || peer.signalingState === 'closed') return;
      peer.addIceCandidate(candidate).catch((error: unknown) => {
        console.warn('viewer: a candidate of the streamer was refused', error);
      });
    });
    this.#outgoing = outgoing;
    this.#incoming = incoming;
    // Heard of below, unless something else fails first.
    iceServers.catch(() => {});
    const offer = await peer.createOffer();
    const answered = this.#signaling.offer(this.viewerId, offer.sdp ?? '', signal);
    answered.catch(() => {});
    peer.setConfiguration({ ...CONFIGURATION, iceServers: await iceServers });
    await peer.setLocalDescription(offer);
    const sdp = await answered;
    signal.throwIfAborted();
    await peer.setRemoteDescription({ type: 'answer', sdp });
    outgoing.open();
    incoming.open();
  }

  /** Connected or back within this time, or late; lost when it takes much longer. */
  #expect(timeoutMs: number, error: ViewerError): void {
    clearTimeout(this.#timer);
    if (this.#abort.signal.aborted || this.usable) return;
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => this.#lose(error, 'timeout'), GIVE_UP_MS - timeoutMs);
      this.#listeners.late(error);
    }, timeoutMs);
  }

  async #iceServers(signal: AbortSignal): Promise<RTCIceServer[]> {
    const servers = await this.#signaling.iceServers(signal);
    return servers.map((server) => ({ ...server, urls: [...server.urls] }));
  }

  async #iceServersByAnyWay(signal: AbortSignal): Promise<RTCIceServer[]> {
    const answered = new AbortController();
    const either = AbortSignal.any([signal, answered.signal]);
    const asked = Array.from({ length: RESTART_REQUESTS }, () => this.#iceServers(either));
    try {
      return await Promise.any(asked);
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    } finally {
      answered.abort();
    }
  }

  #createLine(inStep: boolean): Line {
    const peer = new RTCPeerConnection(CONFIGURATION);
    const pointer = peer.createDataChannel(CHANNELS.pointer, { ordered: false, maxRetransmits: 0 });
    const input = peer.createDataChannel(CHANNELS.input);
    const line: Line = { peer, pointer, input, inStep, stream: null, sound: null };
    const desktop = peer.createDataChannel(CHANNELS.desktop);
    desktop.addEventListener('message', (event) => this.#receive(line, event.data));
    pointer.addEventListener('open', () => this.#checkConnected(line));
    input.addEventListener('open', () => this.#checkConnected(line));
    input.addEventListener('close', () => {
      // One that broke may be given up by the streamer before another takes its place.
      if (this.#line === line && !this.#restarting) this.#lose(closedByStreamer(), 'failed');
    });
    peer.addTransceiver('video', { direction: 'recvonly' });
    peer.addTransceiver('audio', { direction: 'recvonly' });
    peer.addEventListener('track', ({ receiver, streams, track }) => {
      if (track.kind === 'audio') {
        line.sound = new MediaStream([track]);
        if (this.#line === line) this.#listeners.sound(line.sound);
        return;
      }
      askForLowDelay(receiver);
      line.stream = streams[0] ?? new MediaStream([track]);
      if (this.#line === line) this.#listeners.stream(line.stream);
    });
    peer.addEventListener('icecandidate', ({ candidate }) => this.#outgoing.add(fromCandidate(candidate)));
    peer.addEventListener('connectionstatechange', () => this.#stateChanged(line));
    return line;
  }

  #stateChanged(line: Line): void {
    if (this.#line !== line) return;
    const state = line.peer.connectionState;
    if (state === 'connected') {
      this.#checkConnected(line);
    } else if (!this.#connected) {
      if (state === 'failed') this.#lose(connectionFailed(), 'failed');
    } else if (state === 'failed') {
      // "Disconnected" may come when the way is back already; the pulse knows better.
      this.#interrupt();
    }
  }

  #interrupt(): void {
    if (this.#away || this.#abort.signal.aborted) return;
    this.#away = true;
    this.#listeners.interrupted();
    void this.#restart();
  }

  #resume(): void {
    if (!this.#away || this.#line?.peer.connectionState !== 'connected') return;
    this.#away = false;
    clearTimeout(this.#timer);
    this.#flush();
    this.#listeners.resumed();
  }

  #flush(): void {
    const line = this.#line;
    if (this.#away || line?.inStep !== true || line.input.readyState !== 'open') return;
    const waiting = this.#log.take(performance.now());
    for (const text of waiting ?? []) line.input.send(text);
    // The end of a key press may be among what was dropped.
    if (waiting === null) this.send({ type: 'release_all' });
  }

  /** Another connection, with new addresses and ways, as often as it takes to reach the controller. */
  async #restart(): Promise<void> {
    if (this.#restarting) return;
    this.#restarting = true;
    const { signal } = this.#abort;
    let allowedMs = RESTART_REQUEST_MS.first;
    // What is there may come back by itself before the controller can be reached.
    while (!signal.aborted && this.#away) {
      let line: Line | null = null;
      try {
        const attempt = AbortSignal.any([signal, AbortSignal.timeout(allowedMs)]);
        allowedMs = Math.min(allowedMs * 2, RESTART_REQUEST_MS.most);
        // Their answer says that the controller is in reach again.
        const iceServers = await this.#iceServersByAnyWay(attempt);
        line = this.#createLine(false);
        await this.#negotiate(line, Promise.resolve(iceServers), attempt);
        if (!this.#away) {
          line.peer.close();
          break;
        }
        this.#replace(line);
        this.#expect(RESTART_LATE_MS, connectionFailed());
        break;
      } catch (error) {
        line?.peer.close();
        if (isUnreachable(error)) await new Promise((resolve) => setTimeout(resolve, RESTART_PAUSE_MS));
        else this.#lose(error instanceof ViewerError ? error : new ViewerError(faultOf(error)), 'failed');
      }
    }
    this.#restarting = false;
  }

  #replace(line: Line): void {
    this.#pulse?.stop();
    this.#pulse = null;
    this.#line?.peer.close();
    this.#line = line;
    if (line.stream !== null) this.#listeners.stream(line.stream);
    if (line.sound !== null) this.#listeners.sound(line.sound);
    this.#checkConnected(line);
  }

  #checkConnected(line: Line): void {
    if (this.#line !== line || this.#pulse !== null || line.peer.connectionState !== 'connected') return;
    if (line.pointer.readyState !== 'open' || line.input.readyState !== 'open') return;
    this.#pulse = new Pulse(line.peer, { quiet: () => this.#interrupt(), flowing: () => this.#resume() });
    if (this.#connected) {
      this.#resume();
      return;
    }
    this.#connected = true;
    clearTimeout(this.#timer);
    this.#listeners.connected();
  }

  #maxMessageSize(): number {
    return this.#line?.peer.sctp?.maxMessageSize ?? 65_536;
  }

  #sendCandidate(candidate: IceCandidate): void {
    this.#signaling.sendCandidate(this.viewerId, candidate, this.#abort.signal).catch((error: unknown) => {
      if (!this.#abort.signal.aborted)
        console.warn('viewer: a candidate was not taken', faultOf(error).message);
    });
  }

  #receive(line: Line, data: unknown): void {
    const message = desktopMessageSchema.safeParse(typeof data === 'string' ? parseJson(data) : null);
    if (!message.success) console.warn('viewer: a message of the streamer was not understood');
    else if (message.data.type !== 'heard') this.#listeners.desktop(message.data);
    else if (this.#line === line && !line.inStep) {
      line.inStep = true;
      this.#log.heard(message.data.inputs);
      this.#flush();
    }
  }

  #lose(error: ViewerError, reason: LossReason): void {
    if (this.#abort.signal.aborted) return;
    this.close();
    this.#listeners.lost(error, reason);
  }
}

/** A desktop wants the newest picture, not a smooth film. Both names: Firefox and Chromium differ. */
function askForLowDelay(receiver: RTCRtpReceiver): void {
  const tunable: { jitterBufferTarget?: number | null; playoutDelayHint?: number } = receiver;
  tunable.jitterBufferTarget = 0;
  tunable.playoutDelayHint = 0;
}

function fromCandidate(candidate: RTCIceCandidate | null): IceCandidate {
  return {
    candidate: candidate?.candidate ?? '',
    sdpMid: candidate?.sdpMid ?? null,
    sdpMLineIndex: candidate?.sdpMLineIndex ?? null,
    usernameFragment: candidate?.usernameFragment ?? null,
  };
}

/** Did a request end without any answer? */
function isUnreachable(error: unknown): boolean {
  // What `fetch` throws without a network is a TypeError in every browser.
  return error instanceof TypeError || (error instanceof DOMException && error.name === 'TimeoutError');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const REMEDY = 'noVNC needs nothing but this page’s own connection';

function answerMissing(): ViewerError {
  return new ViewerError({
    code: 'no_answer',
    message: `The streamer gave no answer within ${ANSWER_TIMEOUT_MS / 1000} s`,
    hop: 'streamer',
    remedy: REMEDY,
  });
}

function notConnected(timeoutMs: number): ViewerError {
  return new ViewerError({
    code: 'webrtc_timeout',
    message: `WebRTC did not connect within ${timeoutMs / 1000} s`,
    hop: 'viewer',
    remedy: REMEDY,
  });
}

function connectionFailed(): ViewerError {
  return new ViewerError({
    code: 'webrtc_failed',
    message: 'The WebRTC connection was lost',
    hop: 'viewer',
    remedy: REMEDY,
  });
}

function closedByStreamer(): ViewerError {
  return new ViewerError({
    code: 'webrtc_closed',
    message: 'The streamer closed the connection',
    hop: 'streamer',
  });
}
