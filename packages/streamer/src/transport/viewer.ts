import {
  CHANNELS,
  type DesktopMessage,
  type IceCandidate,
  type IceServer,
  type ViewerMode,
  type ViewerState,
} from '@browser-vm/protocol';
import type { Encoded } from '../encode/rest.ts';
import { type Permission, ViewerInput } from '../input/viewer-input.ts';
import type { InputTarget } from '../picture-source.ts';
import { type Addresses, LocalCandidates } from './local-candidates.ts';
import { isAddressCandidate, prepareOffer, type Rates } from './sdp.ts';
import { type DataChannel, type MediaTrack, type PeerConnection, RTCPeerConnection } from './wrtc.ts';

export interface ViewerOptions {
  readonly iceServers: readonly IceServer[];
  readonly udpPortRange: { readonly min: number; readonly max: number } | null;
  readonly addresses: Addresses;
  readonly rates: Rates;
  readonly track: MediaTrack;
  readonly target: InputTarget;
  readonly mode: ViewerMode;
  readonly permission: Permission;
}

export interface ViewerListener {
  candidate(candidate: IceCandidate): void;
  state(state: ViewerState): void;
  /** The viewer can be told things; also: it has no picture yet. */
  desktopOpen(): void;
}

/** A viewer that never gets through is let go after this. Milliseconds. */
const CONNECT_MS = 60_000;
/** A viewer whose connection failed may bring it back by another offer for this long. Milliseconds. */
const RESTART_MS = 30_000;
/** Of one negotiation. */
const MAX_CANDIDATES = 64;
const FIRST_CANDIDATES_MS = 30;
/** libwebrtc sends no longer message. Bytes. */
const MAX_MESSAGE = 262_144;
/** Unsent bytes above which a viewer is told nothing more until they are gone. */
const MAX_BUFFERED = 4 * 1_048_576;
const END_OF_CANDIDATES: IceCandidate = {
  candidate: '',
  sdpMid: null,
  sdpMLineIndex: null,
  usernameFragment: null,
};

/** One viewer's WebRTC connection: we answer, send video, and hear its channels. */
export class Viewer {
  readonly #peer: PeerConnection;
  readonly #options: ViewerOptions;
  readonly #listener: ViewerListener;
  readonly #input: ViewerInput;
  readonly #local: LocalCandidates;
  readonly #channels = new Map<string, DataChannel>();
  #state: ViewerState | null = null;
  #candidates = 0;
  #onCandidate = () => {};
  #early: IceCandidate[] | null = [];
  #timer: NodeJS.Timeout | null;
  /** One negotiation after the other. */
  #negotiation: Promise<unknown> = Promise.resolve();
  #hasTrack = false;

  constructor(options: ViewerOptions, listener: ViewerListener) {
    this.#options = options;
    this.#listener = listener;
    this.#input = new ViewerInput(options.target, options.permission);
    this.#local = new LocalCandidates(options.addresses);
    this.#peer = new RTCPeerConnection({
      iceServers: options.iceServers,
      bundlePolicy: 'max-bundle',
      ...(options.udpPortRange === null ? {} : { portRange: options.udpPortRange }),
    });
    this.#peer.onconnectionstatechange = () => this.#connectionChanged();
    this.#peer.onicecandidate = ({ candidate }) => {
      if (this.#state === 'closed') return;
      if (candidate === null) return listener.candidate(END_OF_CANDIDATES);
      const { sdpMid, sdpMLineIndex, usernameFragment = null } = candidate;
      for (const told of this.#local.told(candidate.candidate)) {
        this.#onCandidate();
        listener.candidate({ candidate: told, sdpMid, sdpMLineIndex, usernameFragment });
      }
    };
    this.#peer.ondatachannel = ({ channel }) => this.#opened(channel);
    this.#timer = setTimeout(() => this.#fail(), CONNECT_MS);
  }

  get mode(): ViewerMode {
    return this.#options.mode;
  }

  get connected(): boolean {
    return this.#state === 'connected';
  }

  /** Was connected, and is not now. */
  get lost(): boolean {
    return this.#state === 'disconnected' || this.#state === 'failed';
  }

  /**
   * The answer to this viewer's offer: its first, or a later one that restarts ICE on the same connection. Throws
   * when the offer is none we can answer, which leaves the connection as it was.
   */
  answer(sdp: string): Promise<string> {
    const answer = this.#negotiation.then(() => this.#answer(sdp));
    this.#negotiation = answer.catch(() => {});
    return answer;
  }

  async #answer(sdp: string): Promise<string> {
    const offer = prepareOffer(sdp, this.#options.rates);
    this.#early ??= [];
    this.#candidates = 0;
    await this.#peer.setRemoteDescription({ type: 'offer', sdp: offer });
    if (!this.#hasTrack) this.#peer.addTrack(this.#options.track);
    this.#hasTrack = true;
    const answer = await this.#peer.createAnswer();
    const gathered = this.#firstCandidates();
    await this.#peer.setLocalDescription(answer);
    await gathered;
    const early = this.#early ?? [];
    this.#early = null;
    for (const candidate of early) this.candidate(candidate);
    return this.#local.describe(this.#peer.localDescription?.sdp ?? answer.sdp);
  }

  /**
   * This machine's own addresses come within milliseconds; in the answer they reach the viewer without another way
   * through the controller. Resolves with the first of them, and after 30 ms without any.
   */
  async #firstCandidates(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onCandidate = resolve;
    const timer = setTimeout(resolve, FIRST_CANDIDATES_MS);
    await promise;
    clearTimeout(timer);
    this.#onCandidate = () => {};
  }

  /** A candidate of the viewer. Names and what is too much are left out: its checks reach us all the same. */
  candidate(candidate: IceCandidate): void {
    if (this.#state === 'closed' || candidate.candidate === '') return;
    if (this.#early !== null) {
      if (this.#early.length < MAX_CANDIDATES) this.#early.push(candidate);
      return;
    }
    this.#candidates += 1;
    if (this.#candidates > MAX_CANDIDATES || !isAddressCandidate(candidate.candidate)) return;
    // A candidate that cannot be used (another address family, a stale fragment) is no fault.
    this.#peer.addIceCandidate(candidate).catch(() => undefined);
  }

  /** Tells the viewer; dropped while it has no channel, or does not keep up. */
  tell(message: DesktopMessage): void {
    const channel = this.#channels.get(CHANNELS.desktop);
    if (channel?.readyState !== 'open' || channel.bufferedAmount > MAX_BUFFERED) return;
    const text = JSON.stringify(message);
    if (Buffer.byteLength(text) <= MAX_MESSAGE) channel.send(text);
  }

  /** What was encoded for this viewer so far; nothing unless it is connected. */
  async encoded(): Promise<Encoded> {
    const encoded = { keyFrameRequests: 0, frames: 0, quantisers: 0 };
    if (this.#state !== 'connected') return encoded;
    // A connection that closes meanwhile has asked for nothing.
    const report = await this.#peer.getStats().catch(() => new Map<string, Record<string, unknown>>());
    for (const entry of report.values()) {
      if (entry.type !== 'outbound-rtp') continue;
      encoded.keyFrameRequests += Number(entry.pliCount ?? 0) + Number(entry.firCount ?? 0);
      encoded.frames += Number(entry.framesEncoded ?? 0);
      encoded.quantisers += Number(entry.qpSum ?? 0);
    }
    return encoded;
  }

  /** No key and no button of this viewer stays down. */
  releaseInput(): void {
    this.#input.releaseAll();
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#become('closed');
    this.#stopTimer();
    this.#input.releaseAll();
    for (const channel of this.#channels.values()) {
      channel.onmessage = null;
      channel.onopen = null;
      channel.onclose = null;
    }
    this.#channels.clear();
    this.#peer.onconnectionstatechange = null;
    this.#peer.onicecandidate = null;
    this.#peer.ondatachannel = null;
    this.#peer.close();
  }

  #fail(): void {
    this.#become('failed');
    this.close();
  }

  #become(state: ViewerState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#listener.state(state);
  }

  #connectionChanged(): void {
    if (this.#state === 'closed') return;
    const state = this.#peer.connectionState;
    if (state === 'closed') {
      this.close();
      return;
    }
    this.#become(state === 'new' ? 'connecting' : state);
    if (state === 'connected') this.#stopTimer();
    // Keys that were down when the line broke would stay down for as long as it is broken.
    if (state === 'disconnected' || state === 'failed') this.#input.releaseAll();
    if (state === 'failed') this.#timer ??= setTimeout(() => this.close(), RESTART_MS);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #opened(channel: DataChannel): void {
    const { label } = channel;
    const known = label === CHANNELS.pointer || label === CHANNELS.input || label === CHANNELS.desktop;
    if (!known || this.#channels.has(label)) {
      channel.close();
      return;
    }
    this.#channels.set(label, channel);
    channel.onclose = () => {
      this.#channels.delete(label);
      // A viewer closes it when it leaves, and the connection itself may seem alive for half a minute.
      if (label === CHANNELS.input) this.close();
    };
    if (label === CHANNELS.desktop) {
      // Nothing is expected here; what comes is not looked at.
      channel.onmessage = null;
      if (channel.readyState === 'open') this.#listener.desktopOpen();
      else channel.onopen = () => this.#listener.desktopOpen();
      return;
    }
    channel.onmessage = ({ data }) => {
      if (!this.#input.receive(label, data)) this.#fail();
    };
  }
}
