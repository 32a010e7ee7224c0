import { RFB_CLIENT, RFB_CLIENT_LENGTHS, RFB_GREETING } from '@browser-vm/protocol';

/** The rest a client says by itself; a paste has keys. */
const INPUT: ReadonlySet<number> = new Set([RFB_CLIENT.key, RFB_CLIENT.pointer, RFB_CLIENT.qemu]);

/** Tells what a person does from what their VNC client says by itself, as bytes arrive. */
export class ClientMessages {
  /** Of the present message: bytes still to come. */
  #skip = RFB_GREETING.version + RFB_GREETING.security + RFB_GREETING.init;
  #head = Buffer.alloc(0);
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
      this.#head = Buffer.concat([this.#head, chunk.subarray(at, at + 1)]);
      at += 1;
      const type = this.#head.readUInt8(0);
      const length = RFB_CLIENT_LENGTHS.get(type);
      if (length === undefined) {
        this.#lost = true;
        input = true;
      } else if (this.#head.length === length.head) {
        input ||= INPUT.has(type);
        this.#skip = length.of(this.#head) - length.head;
        this.#head = Buffer.alloc(0);
      }
    }
    return input;
  }
}
