import { BrowserVmError } from '@browser-vm/protocol';

/** What a viewer may say that may not do everything; everything it sends is one of these lengths. RFB 3.8, bytes. */
const GREETING = 12;
const SECURITY = 1;
const CLIENT_INIT = 1;
const SET_ENCODINGS = 2;
const CLIENT_CUT_TEXT = 6;
const FENCE = 248;
const SET_DESKTOP_SIZE = 251;
const QEMU = 255;
/** Messages of one length, by type. */
const FIXED: Readonly<Record<number, number>> = { 0: 20, 3: 10, 4: 8, 5: 6, 150: 10, 250: 4 };
/** Types that watching needs: pixel format, encodings, requests for updates, continuous updates, fences. */
const WATCHING: ReadonlySet<number> = new Set([0, SET_ENCODINGS, 3, 150, FENCE]);
/** And what acts on the desktop: keys, pointer, size. */
const ACTING: ReadonlySet<number> = new Set([...WATCHING, 4, 5, SET_DESKTOP_SIZE, QEMU]);

const MAX_ENCODINGS = 256;
const MAX_FENCE = 64;
/** As much as any message is let through to be thrown away. */
const MAX_DROPPED = 2 * 1024 * 1024;

const SECURITY_NONE = 1;
const SHARED = 1;
const EXTENDED_CLIPBOARD = 0xc0a1e5ce | 0;
const EXTENDED_MOUSE_BUTTONS = -316;

/**
 * Extended clipboard's capabilities: text may be announced, and none be sent unasked. The server then waits for a
 * request, which never passes; without the extension it would send what is copied to everybody.
 */
const NO_CLIPBOARD = Buffer.from([6, 0, 0, 0, 0xff, 0xff, 0xff, 0xf8, 0x0b, 0, 0, 1, 0, 0, 0, 0]);

/**
 * What a viewer sends to an RFB server, less the clipboard, and where it may only watch less everything that acts
 * on the desktop: keys, pointer, size. Nothing that is copied there comes back to it either. It reads whole messages and passes on those that watching needs, so the server never sees anything else,
 * whatever a viewer makes of the lengths.
 */
export class ViewerFilter {
  readonly #parser: Generator<Want, never, Buffer>;
  #held: Buffer = Buffer.alloc(0);
  #want: Want;

  constructor({ mayAct }: { readonly mayAct: boolean }) {
    this.#parser = messages(mayAct ? ACTING : WATCHING);
    this.#want = this.#parser.next(Buffer.alloc(0)).value as Want;
  }

  /** The bytes that may go on. Throws `not_allowed` for what is no RFB. */
  push(chunk: Buffer): Buffer {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const passed: Buffer[] = [];
    for (;;) {
      if (this.#want.skip > 0) {
        const skipped = Math.min(this.#want.skip, this.#held.length);
        this.#held = this.#held.subarray(skipped);
        this.#want = { ...this.#want, skip: this.#want.skip - skipped };
      }
      if (this.#want.skip > 0 || this.#held.length < this.#want.read) break;
      const bytes = this.#held.subarray(0, this.#want.read);
      this.#held = this.#held.subarray(this.#want.read);
      this.#want = this.#parser.next(bytes).value as Want;
      if (this.#want.pass !== undefined) passed.push(this.#want.pass);
    }
    return Buffer.concat(passed);
  }
}

/** What the parser needs next: so many bytes thrown away, then so many to look at. `pass` goes on at once. */
interface Want {
  readonly skip: number;
  readonly read: number;
  readonly pass?: Buffer;
}

function* messages(passed: ReadonlySet<number>): Generator<Want, never, Buffer> {
  const greeting = yield { skip: 0, read: GREETING };
  const security = yield { skip: 0, read: SECURITY, pass: greeting };
  if (security[0] !== SECURITY_NONE) throw refused('chose a security type that was not offered');
  yield { skip: 0, read: CLIENT_INIT, pass: security };
  // Shared whatever it asked for: one that watches puts nobody out.
  let pass: Buffer = Buffer.from([SHARED]);
  let skip = 0;
  for (;;) {
    const [type = 0] = yield { skip, read: 1, pass };
    skip = 0;
    pass = Buffer.alloc(0);
    const length = FIXED[type];
    if (length !== undefined) {
      const rest = yield { skip: 0, read: length - 1 };
      if (passed.has(type)) pass = Buffer.concat([Buffer.from([type]), rest]);
    } else if (type === SET_ENCODINGS) {
      const count = (yield { skip: 0, read: 3 }).readUInt16BE(1);
      if (count > MAX_ENCODINGS) throw refused(`offered ${count} encodings`);
      pass = encodings(yield { skip: 0, read: 4 * count });
    } else if (type === FENCE) {
      const head = yield { skip: 0, read: 8 };
      const size = head.readUInt8(7);
      if (size > MAX_FENCE) throw refused(`sent a fence of ${size} bytes`);
      pass = Buffer.concat([Buffer.from([type]), head, yield { skip: 0, read: size }]);
    } else if (type === CLIENT_CUT_TEXT) {
      skip = Math.abs((yield { skip: 0, read: 7 }).readInt32BE(3));
      if (skip > MAX_DROPPED) throw refused(`sent ${skip} bytes of text`);
    } else if (type === SET_DESKTOP_SIZE) {
      const head = yield { skip: 0, read: 7 };
      const length = 16 * head.readUInt8(5);
      if (passed.has(type))
        pass = Buffer.concat([Buffer.from([type]), head, yield { skip: 0, read: length }]);
      else skip = length;
    } else if (type === QEMU) {
      // Subtype 0 is a key; nothing else of QEMU's is offered here.
      if ((yield { skip: 0, read: 1 })[0] !== 0) throw refused('sent an unknown message of QEMU');
      const key = yield { skip: 0, read: 10 };
      if (passed.has(type)) pass = Buffer.concat([Buffer.from([type, 0]), key]);
    } else {
      throw refused(`sent a message of type ${type}`);
    }
  }
}

/** The encodings asked for, with the extended clipboard and without longer pointer messages, then its silence. */
function encodings(list: Buffer): Buffer {
  const wanted: number[] = [];
  for (let at = 0; at < list.length; at += 4) wanted.push(list.readInt32BE(at));
  const kept = wanted.filter((code) => code !== EXTENDED_CLIPBOARD && code !== EXTENDED_MOUSE_BUTTONS);
  kept.push(EXTENDED_CLIPBOARD);
  const message = Buffer.alloc(4 + 4 * kept.length);
  message.writeUInt8(SET_ENCODINGS, 0);
  message.writeUInt16BE(kept.length, 2);
  kept.forEach((code, index) => {
    message.writeInt32BE(code, 4 + 4 * index);
  });
  return Buffer.concat([message, NO_CLIPBOARD]);
}

function refused(what: string): BrowserVmError {
  return new BrowserVmError({
    code: 'not_allowed',
    message: `a viewer that may not do everything ${what}`,
    hop: 'viewer',
  });
}
