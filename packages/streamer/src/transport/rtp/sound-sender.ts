import type { SoundTaker } from '../../sound/sound-feed.ts';

const HEADER = 12;
/** In RTP's clock for Opus, whatever the sound's own (RFC 7587, 4.1). */
const CLOCK_PER_MS = 48;
/** The first after silence (RFC 3551, 4.1). */
const MARKER = 0x80;

/** One viewer's sound as RTP packets (RFC 7587), each at once: it is small, and no use later. */
export class SoundSender implements SoundTaker {
  readonly #shape: { readonly ssrc: number; readonly payloadType: number };
  readonly #send: (packet: Buffer) => void;
  #sequence = Math.floor(Math.random() * 0x1_0000);

  constructor(
    shape: { readonly ssrc: number; readonly payloadType: number },
    send: (packet: Buffer) => void,
  ) {
    this.#shape = shape;
    this.#send = send;
  }

  hear(opus: Buffer, atMs: number, begins: boolean): void {
    const header = Buffer.alloc(HEADER);
    header[0] = 0x80;
    header[1] = this.#shape.payloadType | (begins ? MARKER : 0);
    header.writeUInt16BE(this.#sequence, 2);
    header.writeUInt32BE(Math.round(atMs * CLOCK_PER_MS) % 2 ** 32, 4);
    header.writeUInt32BE(this.#shape.ssrc, 8);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#send(Buffer.concat([header, opus]));
  }
}
