/** Version, security type and sharing flag: what a client of RFB 3.8 sends before its messages, without a password. Bytes. */
const GREETING = 12 + 1 + 1;

/** Bytes of a message, by as many of its first bytes as tell it. */
interface Kind {
  readonly header: number;
  readonly length: (header: Buffer) => number;
  readonly isInput?: true;
}

const fixed = (length: number): Kind => ({ header: 1, length: () => length });

const KINDS: ReadonlyMap<number, Kind> = new Map([
  [0, fixed(20)], // SetPixelFormat
  [2, { header: 4, length: (header) => 4 + 4 * header.readUInt16BE(2) }], // SetEncodings
  [3, fixed(10)], // FramebufferUpdateRequest
  [4, { ...fixed(8), isInput: true }], // KeyEvent
  [5, { ...fixed(6), isInput: true }], // PointerEvent
  // ClientCutText; a negative length is the extended clipboard's, which also answers by itself: a paste has keys.
  [6, { header: 8, length: (header) => 8 + Math.abs(header.readInt32BE(4)) }],
  [150, fixed(10)], // EnableContinuousUpdates
  [248, { header: 9, length: (header) => 9 + header.readUInt8(8) }], // Fence
  [250, fixed(4)], // xvp
  [251, { header: 8, length: (header) => 8 + 16 * header.readUInt8(6) }], // SetDesktopSize
  [255, { ...fixed(12), isInput: true }], // QEMU's extended key event
]);

/** Tells what a person does from what their VNC client says by itself, as bytes arrive. */
export class ClientMessages {
  /** Of the present message: bytes still to come. */
  #skip = GREETING;
  #header = Buffer.alloc(0);
  /** Something unknown came: from then on everything counts as input. */
  #lost = false;

  /** Is there a key, a button or a movement among these bytes? */
  hasInput(chunk: Buffer): boolean {
    let input = this.#lost;
    let at = 0;
    while (at < chunk.length && !this.#lost) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      this.#header = Buffer.concat([this.#header, chunk.subarray(at, at + 1)]);
      at += 1;
      const kind = KINDS.get(this.#header.readUInt8(0));
      if (kind === undefined) {
        this.#lost = true;
        input = true;
      } else if (this.#header.length === kind.header) {
        input ||= kind.isInput === true;
        this.#skip = kind.length(this.#header) - kind.header;
        this.#header = Buffer.alloc(0);
      }
    }
    return input;
  }
}
