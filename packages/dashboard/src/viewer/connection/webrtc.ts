import {
  CHANNELS,
  type DesktopMessage,
  desktopMessageSchema,
  type IceCandidate,
  type InputMessage,
  type PointerMove,
} from '@browser-vm/protocol';
import { CandidateQueue } from './candidate-queue.ts';
import type { Signaling } from './signaling.ts';
import { faultOf, ViewerError } from './viewer-error.ts';

/** How long the controller may take to answer an offer, which it does before the VM runs. Milliseconds. */
const ANSWER_TIMEOUT_MS = 15_000;
/** A connection that went quiet may come back by itself for this long. Milliseconds. */
const DISCONNECTED_GRACE_MS = 3_000;
/** Moves are dropped while more than this waits to be sent: the next one says more. Bytes. */
const POINTER_BACKLOG = 16_384;

export type LossReason = 'timeout' | 'failed';

export interface WebRtcListeners {
  readonly connected: () => void;
  readonly stream: (stream: MediaStream) => void;
  readonly desktop: (message: DesktopMessage) => void;
  /** At most once; the connection is closed by then. */
  readonly lost: (error: ViewerError, reason: LossReason) => void;
}

/**
 * One connection of one viewer: posts its offer at once, trickles candidates both ways, carries video
 * down and input up. "Connected" means that input is accepted too. Never reconnects: make another one.
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

  /** `connectTimeoutMs` runs from the answer until input and video are connected. */
  constructor(signaling: Signaling, connectTimeoutMs: number, listeners: WebRtcListeners) {
    this.#signaling = signaling;
    this.#listeners = listeners;
    this.#negotiate(connectTimeoutMs).catch((error: unknown) => {
      this.#lose(error instanceof ViewerError ? error : new ViewerError(faultOf(error)), 'failed');
    });
  }

  /** Sends a move unless the channel is closed or clogged. */
  sendMove(move: PointerMove): void {
    if (this.#pointer?.readyState !== 'open' || this.#pointer.bufferedAmount > POINTER_BACKLOG) return;
    this.#pointer.send(JSON.stringify(move));
  }

  /** Sends in order. False when it was dropped: the channel is not open, or the message is larger than it takes. */
  send(message: InputMessage): boolean {
    if (this.#input?.readyState !== 'open') return false;
    const text = JSON.stringify(message);
    if (message.type === 'clipboard' && new Blob([text]).size > this.#maxMessageSize()) return false;
    this.#input.send(text);
    return true;
  }

  /** Closes at once and tells no listener. May be called again. */
  close(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
    this.#peer?.close();
  }

  async #negotiate(connectTimeoutMs: number): Promise<void> {
    const { signal } = this.#abort;
    this.#timer = setTimeout(() => this.#lose(answerMissing(), 'timeout'), ANSWER_TIMEOUT_MS);
    const iceServers = await this.#signaling.iceServers(signal);
    if (signal.aborted) return;

    const peer = this.#createPeer(iceServers.map((server) => ({ ...server, urls: [...server.urls] })));
    // The controller knows this viewer once it has answered; the peer takes candidates once it has the answer.
    const outgoing = new CandidateQueue((candidate) => this.#sendCandidate(candidate));
    const incoming = new CandidateQueue((candidate) => {
      if (candidate.candidate === '') return;
      peer.addIceCandidate(candidate).catch((error: unknown) => {
        console.warn('viewer: a candidate of the streamer was refused', error);
      });
    });
    peer.addEventListener('icecandidate', ({ candidate }) => outgoing.add(fromCandidate(candidate)));
    const stop = this.#signaling.onCandidate(this.viewerId, (candidate) => incoming.add(candidate));
    signal.addEventListener('abort', stop, { once: true });

    await peer.setLocalDescription();
    const sdp = await this.#signaling.offer(this.viewerId, peer.localDescription?.sdp ?? '', signal);
    if (signal.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lose(notConnected(connectTimeoutMs), 'timeout'), connectTimeoutMs);
    outgoing.open();
    await peer.setRemoteDescription({ type: 'answer', sdp });
    incoming.open();
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
    peer.addEventListener('connectionstatechange', () => this.#stateChanged(peer.connectionState));
    return peer;
  }

  #stateChanged(state: RTCPeerConnectionState): void {
    const lose = () => this.#lose(connectionFailed(), 'failed');
    if (state === 'failed') {
      lose();
    } else if (state === 'disconnected') {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(lose, DISCONNECTED_GRACE_MS);
    } else if (state === 'connected') {
      if (this.#connected) clearTimeout(this.#timer);
      this.#checkConnected();
    }
  }

  #checkConnected(): void {
    if (this.#connected || this.#peer?.connectionState !== 'connected') return;
    if (this.#pointer?.readyState !== 'open' || this.#input?.readyState !== 'open') return;
    this.#connected = true;
    clearTimeout(this.#timer);
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
