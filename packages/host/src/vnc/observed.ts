import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { ClientMessages } from './client-messages.ts';

/** A connection to a VNC server as it is, but for `onInput` at each input of its viewer, before it is sent. */
export class ObservedVnc extends Duplex {
  readonly #socket: Socket;
  readonly #messages = new ClientMessages();
  readonly #onInput: () => void;

  constructor(socket: Socket, onInput: () => void) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#onInput = onInput;
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    let ended = false;
    socket.once('end', () => {
      ended = true;
      this.push(null);
    });
    socket.once('error', (error) => this.destroy(error));
    socket.once('close', () => {
      // What came before the end has still to be read.
      if (!ended) this.destroy();
    });
    socket.pause();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, written: (error?: Error | null) => void): void {
    if (this.#messages.hasInput(chunk)) this.#onInput();
    this.#socket.write(chunk, encoding, written);
  }

  override _final(ended: (error?: Error | null) => void): void {
    this.#socket.end(() => ended());
  }

  override _destroy(error: Error | null, destroyed: (error?: Error | null) => void): void {
    this.#socket.destroy();
    destroyed(error);
  }
}
