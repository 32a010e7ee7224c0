import { RFB_CLIENT } from '@browser-vm/protocol';

/** More keys than any keyboard reports at once are not held. */
const MAX_HELD = 64;
/** Offsets of an RFB message's fields. Bytes. */
const KEY_DOWN = 1;
const KEYSYM = 4;
const QEMU_DOWN = 2;
const QEMU_KEYCODE = 8;
const POINTER_MASK = 1;

/** What a viewer has pressed in the guest, as the messages that would let it go. */
export class HeldInput {
  readonly #keys = new Map<string, Buffer>();
  #pointer: Buffer | null = null;

  /** False: that press is one too many, and is not to be sent. */
  note(message: Buffer): boolean {
    const type = message[0];
    if (type === RFB_CLIENT.pointer) {
      const released = Buffer.from(message);
      released.writeUInt8(0, POINTER_MASK);
      this.#pointer = message[POINTER_MASK] === 0 ? null : released;
    } else if (type === RFB_CLIENT.key) {
      const released = Buffer.from(message);
      released.writeUInt8(0, KEY_DOWN);
      return this.#key(`keysym ${message.readUInt32BE(KEYSYM)}`, message[KEY_DOWN] !== 0, released);
    } else if (type === RFB_CLIENT.qemu) {
      const released = Buffer.from(message);
      released.writeUInt16BE(0, QEMU_DOWN);
      const down = message.readUInt16BE(QEMU_DOWN) !== 0;
      return this.#key(`keycode ${message.readUInt32BE(QEMU_KEYCODE)}`, down, released);
    }
    return true;
  }

  /** Messages that let everything go; from then on nothing is held. */
  release(): Buffer {
    const messages = [...this.#keys.values(), ...(this.#pointer === null ? [] : [this.#pointer])];
    this.#keys.clear();
    this.#pointer = null;
    return Buffer.concat(messages);
  }

  #key(name: string, down: boolean, released: Buffer): boolean {
    if (!down) this.#keys.delete(name);
    else if (!this.#keys.has(name) && this.#keys.size >= MAX_HELD) return false;
    else this.#keys.set(name, released);
    return true;
  }
}
