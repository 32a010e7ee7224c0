import {
  CHANNELS,
  type DesktopMessage,
  desktopMessageSchema,
  type IceCandidate,
  type InputMessage,
  type PointerMove,
} from '@browser-vm/protocol';
import { CandidateQueue } from './candidate-queue.ts';
import { Pulse } from './pulse.ts';
import type { Signaling } from './signaling.ts';
import { faultOf, ViewerError } from './viewer-error.ts';

/** How long the controller may take to answer an offer, which it does before the VM runs. Milliseconds. */
const ANSWER_TIMEOUT_MS = 15_000;
/** A connection that did not come up in time goes on trying, for those who wait for it, until this. Milliseconds. */
const GIVE_UP_MS = 15_000;
/** How soon after its answer a restart is late: the controller was just reached, so there is a network. Milliseconds. */
const RESTART_LATE_MS = 1_000;
/** While the network is away a request hangs; then another one is tried, with twice the time, up to the second. Milliseconds. */
const RESTART_REQUEST_MS = { first: 1_000, most: 8_000 };
/**
 * When an address is gone, a request on a connection that was made from it hangs, and a browser keeps six to one place
 * (events take one) and tries one after the other: as many at once use them up.
 */
const RESTART_REQUESTS = 5;
const RESTART_PAUSE_MS = 500;
/** Moves are dropped while more than this waits to be sent: the next one says more. Bytes. */
const POINTER_BACKLOG = 16_384;

export type LossReason = 'timeout' | 'failed';

export interface WebRtcListeners {
  readonly connected: () => void;
  /** Nothing comes any more; input is dropped. It is being restarted: `resumed` or `lost` follows. */
  readonly interrupted: () => void;
  readonly resumed: () => void;
  /** There is a network, and this does not come up on it in time; it goes on trying. */
  readonly late: (error: ViewerError) => void;
  readonly stream: (stream: MediaStream) => void;
  readonly desktop: (message: DesktopMessage) => void;
  /** At most once; the connection is closed by then. */
  readonly lost: (error: ViewerError, reason: LossReason) => void;
}

/**
 * One connection of one viewer: posts its offer at once, trickles candidates both ways, carries video
 * down and input up. "Connected" means that input is accepted too. When nothing comes any more it restarts ICE, again
 * and again while the controller cannot be reached; once it is lost, make another one.
 */
export class WebRtcConnection {
  readonly viewerId = crypto.randomUUID();
  readonly #signaling: Signaling;
  readonly #listeners: WebRtcListeners;
  readonly #abort = new AbortController();
  #peer: RTCPeerConnection | null = null;
  #pointer: RTCDataChannel | null = null;
  #input: RTCDataChannel | null = null;
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
    if (this.#away || this.#pointer?.readyState !== 'open' || this.#pointer.bufferedAmount > POINTER_BACKLOG)
      return;
    this.#pointer.send(JSON.stringify(move));
  }

  /**
   * Sends in order. False when it was dropped: the channel is not open, nothing comes back, or the message is larger
   * than it takes.
   */
  send(message: InputMessage): boolean {
    if (this.#away || this.#input?.readyState !== 'open') return false;
    const text = JSON.stringify(message);
    if (message.type === 'clipboard' && new Blob([text]).size > this.#maxMessageSize()) return false;
    this.#input.send(text);
    return true;
  }

  /** What the browser knows of this connection; null before there is one. */
  async statistics(): Promise<RTCStatsReport | null> {
    return (await this.#peer?.getStats()) ?? null;
  }

  /** Closes at once and tells no listener. May be called again. */
  close(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
    this.#peer?.close();
  }

  async #begin(connectTimeoutMs: number): Promise<void> {
    const { signal } = this.#abort;
    this.#timer = setTimeout(() => this.#lose(answerMissing(), 'timeout'), ANSWER_TIMEOUT_MS);
    const iceServers = await this.#iceServers(signal);
    if (signal.aborted) return;
    const peer = this.#createPeer(iceServers);
    const stop = this.#signaling.onCandidate(this.viewerId, (candidate) => this.#incoming.add(candidate));
    signal.addEventListener('abort', stop, { once: true });
    await this.#negotiate(peer, {}, signal);
    this.#expect(connectTimeoutMs, notConnected(connectTimeoutMs));
  }

  /** One offer and its answer. The controller knows a viewer once it has answered; the peer takes candidates then. */
  async #negotiate(peer: RTCPeerConnection, options: RTCOfferOptions, signal: AbortSignal): Promise<void> {
    const outgoing = new CandidateQueue((candidate) => this.#sendCandidate(candidate));
    const incoming = new CandidateQueue((candidate) => {
      if (candidate.candidate === '') return;
      peer.addIceCandidate(candidate).catch((error: unknown) => {
        console.warn('viewer: a candidate of the streamer was refused', error);
      });
    });
    this.#outgoing = outgoing;
    this.#incoming = incoming;
    await peer.setLocalDescription(await peer.createOffer(options));
    const sdp = await this.#signaling.offer(this.viewerId, peer.localDescription?.sdp ?? '', signal);
    signal.throwIfAborted();
    if (peer.remoteDescription !== null && fingerprintOf(sdp) !== fingerprintOf(peer.remoteDescription.sdp)) {
      throw forgotten();
    }
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

  #createPeer(iceServers: RTCIceServer[]): RTCPeerConnection {
    const peer = new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' });
    this.#peer = peer;
    this.#pointer = peer.createDataChannel(CHANNELS.pointer, { ordered: false, maxRetransmits: 0 });
    this.#input = peer.createDataChannel(CHANNELS.input);
    const desktop = peer.createDataChannel(CHANNELS.desktop);
    desktop.addEventListener('message', (event) => this.#receive(event.data));
    this.#pointer.addEventListener('open', () => this.#checkConnected());
    this.#input.addEventListener('open', () => this.#checkConnected());
    this.#input.addEventListener('close', () => this.#lose(closedByStreamer(), 'failed'));
    peer.addTransceiver('video', { direction: 'recvonly' });
    peer.addEventListener('track', ({ receiver, streams, track }) => {
      askForLowDelay(receiver);
      this.#listeners.stream(streams[0] ?? new MediaStream([track]));
    });
    peer.addEventListener('icecandidate', ({ candidate }) => this.#outgoing.add(fromCandidate(candidate)));
    peer.addEventListener('connectionstatechange', () => this.#stateChanged(peer.connectionState));
    return peer;
  }

  #stateChanged(state: RTCPeerConnectionState): void {
    if (state === 'connected') {
      this.#checkConnected();
      this.#resume();
    } else if (!this.#connected) {
      if (state === 'failed') this.#lose(connectionFailed(), 'failed');
    } else if (state === 'disconnected' || state === 'failed') {
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
    if (!this.#away || this.#peer?.connectionState !== 'connected') return;
    this.#away = false;
    clearTimeout(this.#timer);
    // What was typed as the way broke may arrive now, and the end of a key press not at all.
    this.send({ type: 'release_all' });
    this.#listeners.resumed();
  }

  /** New addresses and ways for the same connection, as often as it takes to reach the controller. */
  async #restart(): Promise<void> {
    if (this.#restarting) return;
    this.#restarting = true;
    const { signal } = this.#abort;
    let allowedMs = RESTART_REQUEST_MS.first;
    while (!signal.aborted && this.#peer !== null) {
      const peer = this.#peer;
      try {
        const attempt = AbortSignal.any([signal, AbortSignal.timeout(allowedMs)]);
        allowedMs = Math.min(allowedMs * 2, RESTART_REQUEST_MS.most);
        const iceServers = await this.#iceServersByAnyWay(attempt);
        // Their credentials may have ended.
        peer.setConfiguration({ ...peer.getConfiguration(), iceServers });
        await this.#negotiate(peer, { iceRestart: true }, attempt);
        this.#expect(RESTART_LATE_MS, connectionFailed());
        break;
      } catch (error) {
        if (isUnreachable(error)) await new Promise((resolve) => setTimeout(resolve, RESTART_PAUSE_MS));
        else this.#lose(error instanceof ViewerError ? error : new ViewerError(faultOf(error)), 'failed');
      }
    }
    this.#restarting = false;
  }

  #checkConnected(): void {
    if (this.#connected || this.#peer?.connectionState !== 'connected') return;
    if (this.#pointer?.readyState !== 'open' || this.#input?.readyState !== 'open') return;
    this.#connected = true;
    clearTimeout(this.#timer);
    const pulse = new Pulse(this.#peer, { quiet: () => this.#interrupt(), flowing: () => this.#resume() });
    this.#abort.signal.addEventListener('abort', () => pulse.stop(), { once: true });
    this.#listeners.connected();
  }

  #maxMessageSize(): number {
    return this.#peer?.sctp?.maxMessageSize ?? 65_536;
  }

  #sendCandidate(candidate: IceCandidate): void {
    this.#signaling.sendCandidate(this.viewerId, candidate, this.#abort.signal).catch((error: unknown) => {
      if (!this.#abort.signal.aborted)
        console.warn('viewer: a candidate was not taken', faultOf(error).message);
    });
  }

  #receive(data: unknown): void {
    const message = desktopMessageSchema.safeParse(typeof data === 'string' ? parseJson(data) : null);
    if (message.success) this.#listeners.desktop(message.data);
    else console.warn('viewer: a message of the streamer was not understood');
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

function fingerprintOf(sdp: string): string | undefined {
  return /^a=fingerprint:(.*)$/m.exec(sdp)?.[1];
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

function forgotten(): ViewerError {
  return new ViewerError({
    code: 'webrtc_forgotten',
    message: 'The streamer no longer knew the connection',
    hop: 'streamer',
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
