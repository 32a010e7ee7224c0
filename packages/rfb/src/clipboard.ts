import { constants, deflateSync, inflateSync } from 'node:zlib';
import { RfbError } from './errors.ts';
import { LIMITS } from './limits.ts';

/** The extended clipboard's flag word: formats in the low half, one action in the high byte. */
const TEXT = 1 << 0;
const CAPS = 1 << 24;
const REQUEST = 1 << 25;
const NOTIFY = 1 << 27;
const PROVIDE = 1 << 28;

function frame(flags: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const message = Buffer.alloc(12 + data.length);
  message.writeUInt8(6, 0);
  // A negative length is what marks the extension.
  message.writeInt32BE(-(4 + data.length), 4);
  message.writeUInt32BE(flags, 8);
  data.copy(message, 12);
  return message;
}

/** What we can do: be asked for text, be told of it, be given it up to the bound. */
export function capabilities(): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(LIMITS.clipboard);
  return frame(CAPS | REQUEST | NOTIFY | PROVIDE | TEXT, size);
}

export function notify(): Buffer {
  return frame(NOTIFY | TEXT);
}

export function request(): Buffer {
  return frame(REQUEST | TEXT);
}

/** The text itself: CRLF line ends and a final NUL, as the extension wants them. */
export function provide(text: string): Buffer {
  const bytes = Buffer.from(`${text.replace(/\r\n|\r|\n/g, '\r\n')}\0`, 'utf8');
  const sized = Buffer.alloc(4 + bytes.length);
  sized.writeUInt32BE(bytes.length);
  bytes.copy(sized, 4);
  return frame(PROVIDE | TEXT, deflateSync(sized));
}

/** Clipboard text without the extension: Latin-1, LF. */
export function plain(text: string): Buffer {
  const bytes = Buffer.from(text.replace(/\r\n?/g, '\n').replace(/[^\0-\u{ff}]/gu, '?'), 'latin1');
  const message = Buffer.alloc(8 + bytes.length);
  message.writeUInt8(6, 0);
  message.writeUInt32BE(bytes.length, 4);
  bytes.copy(message, 8);
  return message;
}

export type ClipboardAction =
  | { readonly action: 'capabilities' | 'asks' | 'announces' | 'nothing' }
  | { readonly action: 'gives'; readonly text: string };

/** What an extended ServerCutText of that body (flag word and data) means. */
export function understand(body: Buffer): ClipboardAction {
  if (body.length < 4) throw new RfbError('protocol', 'extended clipboard message without flags');
  const flags = body.readUInt32BE(0);
  if ((flags & CAPS) !== 0) return { action: 'capabilities' };
  if ((flags & TEXT) === 0) return { action: 'nothing' };
  if ((flags & REQUEST) !== 0) return { action: 'asks' };
  if ((flags & NOTIFY) !== 0) return { action: 'announces' };
  if ((flags & PROVIDE) === 0) return { action: 'nothing' };
  return { action: 'gives', text: unpack(body.subarray(4)) };
}

function unpack(packed: Buffer): string {
  let data: Buffer;
  try {
    // Servers flush their stream instead of ending it.
    data = inflateSync(packed, {
      maxOutputLength: LIMITS.clipboard + 5,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
  } catch (cause) {
    const tooLong = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw new RfbError(tooLong ? 'limit' : 'protocol', 'clipboard data that cannot be unpacked', { cause });
  }
  if (data.length < 4) throw new RfbError('protocol', 'clipboard data without a length');
  const length = data.readUInt32BE(0);
  if (length > data.length - 4) throw new RfbError('protocol', 'clipboard text shorter than its length');
  return data
    .toString('utf8', 4, 4 + length)
    .replace(/\0[\s\S]*$/, '')
    .replace(/\r\n/g, '\n');
}
