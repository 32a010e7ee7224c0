import {
  CHANNELS,
  type DesktopMessage,
  type IceCandidate,
  type ViewerMode,
  type ViewerState,
} from '@browser-vm/protocol';
import type { DataChannel } from 'node-datachannel';
import type { FrameTaker } from '../encode/feed.ts';
import { type Permission, ViewerInput } from '../input/viewer-input.ts';
import type { InputTarget } from '../picture-source.ts';
import type { SoundTaker } from '../sound/sound-feed.ts';
import { type Addresses, LocalCandidates } from './local-candidates.ts';
import { MAX_MESSAGE, Peer, type PeerOptions, type PeerState } from './peer.ts';
import { isAddressCandidate } from './sdp.ts';

export interface ViewerOptions extends PeerOptions {
  readonly addresses: Addresses;
  readonly target: InputTarget;
  readonly mode: ViewerMode;
  readonly permission: Omit<Permission, 'hear'>;
}

export interface ViewerListener {
  candidate(candidate: IceCandidate): void;
  state(state: ViewerState): void;
  /** Frames are for this one from now on, and no longer for the other. Null: none. */
  video(now: FrameTaker | null, before: FrameTaker | null): void;
  /** The same of sound, which is for who wants to hear it. */
  sound(now: SoundTaker | null, before: SoundTaker | null): void;
  /** The viewer can be told things; also: it has no picture yet. */
  desktopOpen(): void;
}

/** A viewer that never gets through is let go after this. Milliseconds. */
const CONNECT_MS = 60_000;
/** A viewer whose connection failed may replace it by another offer for this long. Milliseconds. */
const RESTART_MS = 30_000;
/** Of one negotiation. */
const MAX_CANDIDATES = 64;
const FIRST_CANDIDATES_MS = 30;
/** What was sent on the connection before may still be on its way for this long. Milliseconds. */
const OVERLAP_MS = 2000;
/** Unsent bytes above which a viewer is told nothing more until they are gone. */
const MAX_BUFFERED = 4 * 1_048_576;
const END_OF_CANDIDATES: IceCandidate = {
  candidate: '',
  sdpMid: null,
  sdpMLineIndex: null,
  usernameFragment: null,
};

/**
 * One viewer: we answer, send video, and hear its channels. Each of its offers makes a connection, which takes the place of
 * the one before once it is connected.
 */
export class Viewer {
  readonly #options: ViewerOptions;
  readonly #listener: ViewerListener;
  readonly #input: ViewerInput;
  readonly #local: LocalCandidates;
  readonly #channels = new Map<string, { readonly peer: Peer; readonly channel: DataChannel }>();
  /** In use, or the first to be. */
  #peer: Peer | null = null;
  /** To take its place. */
  #next: Peer | null = null;
  /** Whose place was taken. */
  #last: Peer | null = null;
  /** The same, and the viewer does not know yet what was heard of it: more may come. */
  #former: Peer | null = null;
  /** Messages on its input channels, which the viewer counts as well. */
  #heard = 0;
  #overlap: NodeJS.Timeout | null = null;
  #video: FrameTaker | null = null;
  #sound: SoundTaker | null = null;
  #wantsSound = false;
  #state: ViewerState | null = null;
  #candidates = 0;
  #onCandidate = () => {};
  #early: IceCandidate[] | null = [];
  #timer: NodeJS.Timeout | null;
  /** One negotiation after the other. */
  #negotiation: Promise<unknown> = Promise.resolve();

  constructor(options: ViewerOptions, listener: ViewerListener) {
    this.#options = options;
    this.#listener = listener;
    this.#input = new ViewerInput(options.target, {
      ...options.permission,
      hear: (on) => {
        this.#wantsSound = on;
        this.#listen();
      },
    });
    this.#local = new LocalCandidates(options.addresses);
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
   * The answer to an offer of this viewer. Throws when the offer is none we can answer, which leaves its connection as it
   * was.
   */
  answer(sdp: string): Promise<string> {
    const answer = this.#negotiation.then(() => this.#answer(sdp));
    this.#negotiation = answer.catch(() => {});
    return answer;
  }

  async #answer(sdp: string): Promise<string> {
    const peer: Peer = new Peer(this.#options, {
      state: (state) => this.#peerState(peer, state),
      candidate: (candidate) => this.#found(peer, candidate),
      channel: (channel) => this.#opened(peer, channel),
    });
    const pending = this.#next;
    if (this.#peer === null) this.#peer = peer;
    else this.#next = peer;
    const gathered = this.#firstCandidates();
    try {
      peer.answer(sdp);
    } catch (error) {
      this.#next = pending;
      if (this.#peer === peer) this.#peer = null;
      this.#onCandidate();
      peer.close();
      throw error;
    }
    pending?.close();
    await gathered;
    if (this.#state === 'closed') throw new Error('the viewer has left');
    const early = this.#early ?? [];
    this.#early = null;
    this.#candidates = 0;
    for (const candidate of early) this.candidate(candidate);
    return this.#local.describe(peer.description);
  }

  #replaceBy(peer: Peer): void {
    this.#last?.close();
    const last = this.#peer;
    this.#last = last;
    this.#peer = peer;
    this.#former = last;
    this.#next = null;
    this.#input.releaseAll();
    if (this.#overlap !== null) clearTimeout(this.#overlap);
    this.#overlap = setTimeout(() => last?.close(), OVERLAP_MS);
  }

  #found(peer: Peer, candidate: { readonly line: string; readonly mid: string } | null): void {
    if (this.#newest !== peer || this.#state === 'closed') return;
    if (candidate === null) {
      this.#listener.candidate(END_OF_CANDIDATES);
      return;
    }
    for (const told of this.#local.told(candidate.line)) {
      this.#onCandidate();
      this.#listener.candidate({
        candidate: told,
        sdpMid: candidate.mid,
        sdpMLineIndex: null,
        usernameFragment: null,
      });
    }
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
    this.#newest?.add(candidate);
  }

  /** Tells the viewer; dropped while it has no channel, or does not keep up. */
  tell(message: DesktopMessage): void {
    const channel = this.#channels.get(CHANNELS.desktop)?.channel;
    if (channel === undefined || !channel.isOpen() || channel.bufferedAmount() > MAX_BUFFERED) return;
    const text = JSON.stringify(message);
    if (Buffer.byteLength(text) > MAX_MESSAGE) return;
    try {
      channel.sendMessage(text);
    } catch {
      // Closed by the other side in this moment, which is told next.
    }
  }

  get #newest(): Peer | null {
    return this.#next ?? this.#peer;
  }

  /** No key and no button of this viewer stays down. */
  releaseInput(): void {
    this.#input.releaseAll();
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#become('closed');
    this.#stopTimer();
    if (this.#overlap !== null) clearTimeout(this.#overlap);
    this.#input.releaseAll();
    this.#channels.clear();
    this.#watch(null);
    this.#listen();
    for (const peer of [this.#last, this.#peer, this.#next]) peer?.close();
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

  #peerState(peer: Peer, state: PeerState): void {
    if (this.#state === 'closed') return;
    if (this.#next === peer) {
      if (state === 'connected') {
        this.#replaceBy(peer);
      } else {
        if (state === 'failed' || state === 'closed') this.#next = null;
        return;
      }
    }
    if (this.#peer !== peer) return;
    if (state === 'closed') {
      this.#ended();
      return;
    }
    this.#become(state);
    if (state === 'connected') this.#stopTimer();
    this.#watch(state === 'connected' ? peer.video : null);
    this.#listen();
    // Keys that were down when the line broke would stay down for as long as it is broken.
    if (state === 'disconnected' || state === 'failed') this.#input.releaseAll();
    if (state === 'failed') this.#timer ??= setTimeout(() => this.close(), RESTART_MS);
  }

  /** The viewer closed its connection: it has left, unless another one is to take its place. */
  #ended(): void {
    if (this.#next === null) this.close();
    else this.#peerState(this.#peer as Peer, 'failed');
  }

  #watch(video: FrameTaker | null): void {
    if (video === this.#video) return;
    const before = this.#video;
    this.#video = video;
    this.#listener.video(video, before);
  }

  #listen(): void {
    const sound = this.connected && this.#wantsSound ? (this.#peer?.sound ?? null) : null;
    if (sound === this.#sound) return;
    const before = this.#sound;
    this.#sound = sound;
    this.#listener.sound(sound, before);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #opened(peer: Peer, channel: DataChannel): void {
    const label = channel.getLabel();
    const known = label === CHANNELS.pointer || label === CHANNELS.input || label === CHANNELS.desktop;
    const before = this.#channels.get(label);
    // Which of both is told first is not said anywhere.
    if (this.#next === peer) this.#peerState(peer, 'connected');
    if (this.#peer !== peer || !known || before?.peer === peer) {
      channel.close();
      return;
    }
    this.#channels.set(label, { peer, channel });
    channel.onClosed(() => {
      if (this.#channels.get(label)?.channel === channel) this.#channels.delete(label);
      // A viewer closes it when it leaves, and the connection itself may seem alive for half a minute.
      if (label === CHANNELS.input && this.#peer === peer) this.#ended();
    });
    if (label === CHANNELS.desktop) {
      // Nothing is expected here; what comes is not looked at.
      channel.onMessage(() => {});
      const welcome = () => {
        if (this.#peer !== peer) return;
        this.#former = null;
        this.tell({ type: 'heard', inputs: this.#heard });
        this.#listener.desktopOpen();
      };
      if (channel.isOpen()) welcome();
      else channel.onOpen(welcome);
      return;
    }
    channel.onMessage((data) => {
      peer.heard();
      if (this.#peer !== peer && this.#former !== peer) return;
      if (label === CHANNELS.input) this.#heard += 1;
      if (!this.#input.receive(label, data)) this.#fail();
    });
  }
}
