import { BrowserVmError, RFB_CLIENT, RFB_CLIENT_LENGTHS, RFB_GREETING } from '@browser-vm/protocol';
import { HeldInput } from './held-input.ts';

/** What watching needs: pixel format, encodings, requests for updates, continuous updates, fences. */
const WATCHING: ReadonlySet<number> = new Set([
  RFB_CLIENT.setPixelFormat,
  RFB_CLIENT.setEncodings,
  RFB_CLIENT.requestUpdate,
  RFB_CLIENT.continuousUpdates,
  RFB_CLIENT.fence,
]);
/** What acts on the desktop: keys, pointer, size. */
const ACTING: ReadonlySet<number> = new Set([
  RFB_CLIENT.key,
  RFB_CLIENT.pointer,
  RFB_CLIENT.setDesktopSize,
  RFB_CLIENT.qemu,
]);

const SECURITY_NONE = 1;
const SHARED = 1;
const EXTENDED_CLIPBOARD = 0xc0a1e5ce | 0;
const EXTENDED_MOUSE_BUTTONS = -316;

/** Of the extended clipboard's flag word. */
const CAPABILITIES = 0x0100_0000;
/**
 * The extended clipboard's capabilities that the server is told, whatever the viewer says: text may be announced,
 * asked for and given, none may be sent unasked (a size of 0). So a viewer gets what is copied in the guest when its
 * request goes through, and without the extension the server would send it to everybody.
 */
const SILENT_CLIPBOARD = Buffer.from([
  RFB_CLIENT.cutText,
  ...[0, 0, 0],
  ...[0xff, 0xff, 0xff, 0xf8],
  ...[0x1b, 0, 0, 1],
  ...[0, 0, 0, 0],
]);

/**
 * What a viewer sends to an RFB server. It reads whole messages and passes on those that may, so the server never
 * sees anything else, whatever a viewer makes of the lengths. Who is not in control may watch: keys, pointer, size
 * and clipboard do not go through, and nothing that is copied in the guest comes back.
 */
export class ViewerFilter {
  readonly #parser: Generator<Want, never, Buffer>;
  readonly #clipboard: boolean;
  readonly #held = new HeldInput();
  #mayAct = false;
  #pending: Buffer = Buffer.alloc(0);
  #want: Want;

  /** Without `clipboard` nothing copied goes either way. At first the viewer is not in control. */
  constructor({ clipboard }: { readonly clipboard: boolean }) {
    this.#clipboard = clipboard;
    this.#parser = this.#messages();
    this.#want = this.#parser.next(Buffer.alloc(0)).value as Want;
  }

  /** The viewer is in control from now on, or no longer. Returns what has to be sent: no key of it stays down. */
  control(mayAct: boolean): Buffer {
    this.#mayAct = mayAct;
    return mayAct ? Buffer.alloc(0) : this.#held.release();
  }

  /** The bytes that may go on. Throws `not_allowed` for what is no RFB. */
  push(chunk: Buffer): Buffer {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const passed: Buffer[] = [];
    while (this.#pending.length >= this.#want.read) {
      const bytes = this.#pending.subarray(0, this.#want.read);
      this.#pending = this.#pending.subarray(this.#want.read);
      this.#want = this.#parser.next(bytes).value as Want;
      if (this.#want.pass !== undefined) passed.push(this.#want.pass);
    }
    return Buffer.concat(passed);
  }

  *#messages(): Generator<Want, never, Buffer> {
    const version = yield { read: RFB_GREETING.version };
    const security = yield { read: RFB_GREETING.security, pass: version };
    if (security[0] !== SECURITY_NONE) throw refused('chose a security type that was not offered');
    yield { read: RFB_GREETING.init, pass: security };
    // Shared whatever it asked for: a viewer puts nobody out.
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
      if (type === RFB_CLIENT.setEncodings) pass = encodings(message.subarray(4));
      else pass = this.#mayPass(type, message) ? message : Buffer.alloc(0);
    }
  }

  #mayPass(type: number, message: Buffer): boolean {
    if (WATCHING.has(type)) return true;
    if (!this.#mayAct) return false;
    if (ACTING.has(type)) return this.#held.note(message);
    return type === RFB_CLIENT.cutText && this.#clipboard && !saysCapabilities(message);
  }
}

/** So many bytes the parser needs next. `pass` goes on at once. */
interface Want {
  readonly read: number;
  readonly pass?: Buffer;
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
  return Buffer.concat([message, SILENT_CLIPBOARD]);
}

function saysCapabilities(cutText: Buffer): boolean {
  return cutText.readInt32BE(4) < 0 && cutText.length >= 12 && (cutText.readUInt32BE(8) & CAPABILITIES) !== 0;
}

function refused(what: string): BrowserVmError {
  return new BrowserVmError({ code: 'not_allowed', message: `the viewer ${what}`, hop: 'viewer' });
}
