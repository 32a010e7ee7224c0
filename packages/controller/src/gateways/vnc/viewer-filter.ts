import { BrowserVmError, RFB_CLIENT, RFB_CLIENT_LENGTHS, RFB_GREETING } from '@browser-vm/protocol';

/** What watching needs: pixel format, encodings, requests for updates, continuous updates, fences. */
const WATCHING: ReadonlySet<number> = new Set([
  RFB_CLIENT.setPixelFormat,
  RFB_CLIENT.setEncodings,
  RFB_CLIENT.requestUpdate,
  RFB_CLIENT.continuousUpdates,
  RFB_CLIENT.fence,
]);
/** And what acts on the desktop: keys, pointer, size. */
const ACTING: ReadonlySet<number> = new Set([
  ...WATCHING,
  RFB_CLIENT.key,
  RFB_CLIENT.pointer,
  RFB_CLIENT.setDesktopSize,
  RFB_CLIENT.qemu,
]);

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
 * on the desktop: keys, pointer, size. Nothing that is copied there comes back to it either. It reads whole messages
 * and passes on those that may, so the server never sees anything else, whatever a viewer makes of the lengths.
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
    while (this.#held.length >= this.#want.read) {
      const bytes = this.#held.subarray(0, this.#want.read);
      this.#held = this.#held.subarray(this.#want.read);
      this.#want = this.#parser.next(bytes).value as Want;
      if (this.#want.pass !== undefined) passed.push(this.#want.pass);
    }
    return Buffer.concat(passed);
  }
}

/** So many bytes the parser needs next. `pass` goes on at once. */
interface Want {
  readonly read: number;
  readonly pass?: Buffer;
}

function* messages(passed: ReadonlySet<number>): Generator<Want, never, Buffer> {
  const version = yield { read: RFB_GREETING.version };
  const security = yield { read: RFB_GREETING.security, pass: version };
  if (security[0] !== SECURITY_NONE) throw refused('chose a security type that was not offered');
  yield { read: RFB_GREETING.init, pass: security };
  // Shared whatever it asked for: one that watches puts nobody out.
  let pass: Buffer = Buffer.from([SHARED]);
  for (;;) {
    const first = yield { read: 1, pass };
    const type = first.readUInt8(0);
    const length = RFB_CLIENT_LENGTHS.get(type);
    if (length === undefined) throw refused(`sent a message of type ${type}`);
    const head = length.head === 1 ? first : Buffer.concat([first, yield { read: length.head - 1 }]);
    const bytes = length.of(head);
    if (bytes > length.max) throw refused(`sent a message of type ${type} and ${bytes} bytes`);
    const message = Buffer.concat([head, yield { read: bytes - length.head }]);
    // Subtype 0 is a key; nothing else of QEMU's is offered here.
    if (type === RFB_CLIENT.qemu && message[1] !== 0) throw refused('sent an unknown message of QEMU');
    if (!passed.has(type)) pass = Buffer.alloc(0);
    else pass = type === RFB_CLIENT.setEncodings ? encodings(message.subarray(4)) : message;
  }
}

/** The encodings asked for, with the extended clipboard and without longer pointer messages, then its silence. */
function encodings(list: Buffer): Buffer {
  const wanted: number[] = [];
  for (let at = 0; at < list.length; at += 4) wanted.push(list.readInt32BE(at));
  const kept = wanted.filter((code) => code !== EXTENDED_CLIPBOARD && code !== EXTENDED_MOUSE_BUTTONS);
  kept.push(EXTENDED_CLIPBOARD);
  const message = Buffer.alloc(4 + 4 * kept.length);
  message.writeUInt8(RFB_CLIENT.setEncodings, 0);
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
