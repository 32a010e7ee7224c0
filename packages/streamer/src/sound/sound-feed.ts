import { FRAME_MS, OpusEncoder } from './libopus.ts';
import { SoundSource } from './sound-source.ts';

/** Takes what is to be heard. */
export interface SoundTaker {
  /** A frame of Opus; when it is to be heard, milliseconds; and whether it comes after silence. */
  hear(opus: Buffer, atMs: number, begins: boolean): void;
}

/** So much of a silence is sent, for the receiver's decoder to come to rest. Milliseconds. */
const REST_MS = 200;

/**
 * A desktop's sound for all viewers that want to hear it. While there is none of them, nothing is asked of the desktop;
 * while it is silent, nothing is sent.
 */
export class SoundFeed {
  readonly #takers = new Set<SoundTaker>();
  readonly #onHeard: () => void;
  #at: { readonly host: string; readonly port: number } | null = null;
  #source: SoundSource | null = null;
  #encoder: OpusEncoder | null = null;
  #silentMs = Number.POSITIVE_INFINITY;

  /** Calls `onHeard` with each frame that somebody hears. */
  constructor(onHeard: () => void) {
    this.#onHeard = onHeard;
  }

  /** Where the desktop plays from now on. */
  attach(at: { readonly host: string; readonly port: number }): void {
    this.#at = at;
    this.#stop();
    if (this.#takers.size > 0) this.#start();
  }

  add(taker: SoundTaker): void {
    this.#takers.add(taker);
    if (this.#source === null) this.#start();
  }

  remove(taker: SoundTaker): void {
    this.#takers.delete(taker);
    if (this.#takers.size === 0) this.#stop();
  }

  close(): void {
    this.#takers.clear();
    this.#stop();
  }

  #start(): void {
    if (this.#at === null) return;
    this.#encoder = new OpusEncoder();
    this.#silentMs = Number.POSITIVE_INFINITY;
    this.#source = new SoundSource(this.#at, (pcm, atMs) => this.#give(pcm, atMs));
  }

  #stop(): void {
    this.#source?.close();
    this.#source = null;
    this.#encoder?.close();
    this.#encoder = null;
  }

  #give(pcm: Int16Array, atMs: number): void {
    const begins = this.#silentMs > REST_MS;
    this.#silentMs = isSilent(pcm) ? this.#silentMs + FRAME_MS : 0;
    if (this.#silentMs > REST_MS || this.#encoder === null) return;
    const opus = this.#encoder.encode(pcm);
    for (const taker of this.#takers) taker.hear(opus, atMs, begins);
    this.#onHeard();
  }
}

/** What plays nothing is zeros: a mixer adds no noise. */
function isSilent(pcm: Int16Array): boolean {
  return pcm.every((sample) => sample === 0);
}
