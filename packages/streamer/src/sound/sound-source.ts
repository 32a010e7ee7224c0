import { connect, type Socket } from 'node:net';
import { GUEST } from '@browser-vm/protocol';
import { SoundFlow } from './flow.ts';
import { FRAME_SAMPLES } from './libopus.ts';

/** A server that is not there yet, or no longer, is tried again. Milliseconds. */
const RETRY_MS = 500;
/** One attempt: a VM that is resuming may lose the first packets. Milliseconds. */
const REACH_MS = 1000;
const BYTES_PER_FRAME = FRAME_SAMPLES * GUEST.sound.channels * Int16Array.BYTES_PER_ELEMENT;

/** One frame, valid until the next; and when it is to be heard, milliseconds. */
export type OnFrame = (pcm: Int16Array, atMs: number) => void;

/** What a desktop plays, frame after frame, for as long as it is open. Trusts nothing that comes. */
export class SoundSource {
  readonly #at: { readonly host: string; readonly port: number };
  readonly #onFrame: OnFrame;
  readonly #pcm = new Int16Array(FRAME_SAMPLES * GUEST.sound.channels);
  readonly #bytes = Buffer.from(this.#pcm.buffer);
  #filled = 0;
  #flow = new SoundFlow();
  #socket: Socket | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(at: { readonly host: string; readonly port: number }, onFrame: OnFrame) {
    this.#at = at;
    this.#onFrame = onFrame;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = connect({ ...this.#at, noDelay: true, timeout: REACH_MS });
    this.#socket = socket;
    this.#filled = 0;
    socket.on('data', (data) => this.#take(socket, data));
    socket.once('timeout', () => socket.destroy());
    // There may be nothing to be heard for long.
    socket.once('connect', () => socket.setTimeout(0));
    socket.on('error', () => {});
    // A server that says no more is of no use.
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      if (!this.#closed) this.#timer = setTimeout(() => this.#connect(), RETRY_MS);
    });
  }

  #take(socket: Socket, data: Buffer): void {
    const now = performance.now();
    for (let at = 0; at < data.length && !this.#closed; ) {
      const copied = data.copy(this.#bytes, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled < BYTES_PER_FRAME) return;
      this.#filled = 0;
      const atMs = this.#flow.came(now);
      if (atMs !== null) this.#onFrame(this.#pcm, atMs);
    }
    // What else is on its way goes with the connection.
    if (this.#flow.isFlood) socket.destroy();
  }
}
