import { type ClipboardAction, understand } from './clipboard.ts';
import { type Cursor, parseAlphaCursor, parseCursor } from './cursor.ts';
import { ENCODING, SERVER } from './encodings.ts';
import { RfbError } from './errors.ts';
import type { Framebuffer, Rect } from './framebuffer.ts';
import { parseHandshake, type ServerInit } from './handshake.ts';
import type { Parse } from './incoming.ts';
import { LIMITS } from './limits.ts';
import type { Screen } from './outgoing.ts';

/** What the parser tells the client while it reads. */
export interface Listener {
  send(message: Buffer): void;
  opened(init: ServerInit): void;
  damaged(rect: Rect): void;
  resized(): void;
  /** The server's first screen: it takes wishes for another size. */
  screen(screen: Screen): void;
  cursor(cursor: Cursor): void;
  updated(): void;
  clipboard(action: ClipboardAction): void;
  /** A fence of the server that wants an answer. */
  fence(flags: number, payload: Buffer): void;
  supports(what: 'continuousUpdates' | 'extendedKeys'): void;
}

/** Everything a server may say, from its greeting on. Ends only by throwing. */
export function* parseConversation(framebuffer: Framebuffer, listener: Listener): Parse<void> {
  const init = yield* parseHandshake((message) => listener.send(message));
  framebuffer.resize(init.width, init.height);
  listener.opened(init);
  for (;;) {
    const type = (yield 1).readUInt8(0);
    if (type === SERVER.framebufferUpdate) yield* parseUpdate(framebuffer, listener);
    else if (type === SERVER.cutText) yield* parseCutText(listener);
    else if (type === SERVER.fence) yield* parseFence(listener);
    else if (type === SERVER.endOfContinuousUpdates) listener.supports('continuousUpdates');
    else if (type !== SERVER.bell) throw new RfbError('protocol', `message of unknown type ${type}`);
  }
}

function* parseUpdate(framebuffer: Framebuffer, listener: Listener): Parse<void> {
  const announced = (yield 3).readUInt16BE(1);
  const openEnded = announced === 0xffff;
  if (!openEnded && announced > LIMITS.rectangles) {
    throw new RfbError('limit', `update of ${announced} rectangles, allowed is ${LIMITS.rectangles}`);
  }
  for (let index = 0; index < announced; index += 1) {
    if (index >= LIMITS.rectangles) throw new RfbError('limit', 'update of too many rectangles');
    const header = yield 12;
    const rect = {
      x: header.readUInt16BE(0),
      y: header.readUInt16BE(2),
      width: header.readUInt16BE(4),
      height: header.readUInt16BE(6),
    };
    const encoding = header.readInt32BE(8);
    if (encoding === ENCODING.lastRect) break;
    yield* parseRectangle(encoding, rect, framebuffer, listener);
  }
  listener.updated();
}

function* parseRectangle(
  encoding: number,
  rect: Rect,
  framebuffer: Framebuffer,
  listener: Listener,
): Parse<void> {
  switch (encoding) {
    case ENCODING.raw:
      yield framebuffer.rawSink(rect);
      listener.damaged(rect);
      return;
    case ENCODING.copyRect: {
      const source = yield 4;
      framebuffer.copy(rect, source.readUInt16BE(0), source.readUInt16BE(2));
      listener.damaged(rect);
      return;
    }
    case ENCODING.cursor:
      listener.cursor(yield* parseCursor(rect));
      return;
    case ENCODING.alphaCursor:
      listener.cursor(yield* parseAlphaCursor(rect));
      return;
    case ENCODING.desktopSize:
      if (framebuffer.resize(rect.width, rect.height)) listener.resized();
      return;
    case ENCODING.extendedDesktopSize: {
      const screens = (yield 4).readUInt8(0);
      if (screens > LIMITS.screens) throw new RfbError('limit', `desktop of ${screens} screens`);
      const first = yield screens * 16;
      listener.screen({
        id: screens === 0 ? 0 : first.readUInt32BE(0),
        flags: screens === 0 ? 0 : first.readUInt32BE(12),
      });
      // The y position is a status; only 0 says that the size given is the desktop's.
      if (rect.y === 0 && framebuffer.resize(rect.width, rect.height)) listener.resized();
      return;
    }
    case ENCODING.qemuExtendedKey:
      listener.supports('extendedKeys');
      return;
    default:
      throw new RfbError('protocol', `rectangle in encoding ${encoding}, which was not offered`);
  }
}

function* parseCutText(listener: Listener): Parse<void> {
  const length = (yield 7).readInt32BE(3);
  const bytes = Math.abs(length);
  if (bytes > LIMITS.clipboard) {
    throw new RfbError('limit', `clipboard of ${bytes} bytes, allowed is ${LIMITS.clipboard}`);
  }
  const body = yield bytes;
  listener.clipboard(length < 0 ? understand(body) : { action: 'gives', text: body.toString('latin1') });
}

function* parseFence(listener: Listener): Parse<void> {
  const header = yield 8;
  const flags = header.readUInt32BE(3);
  const length = header.readUInt8(7);
  if (length > LIMITS.fence) throw new RfbError('limit', `fence of ${length} bytes`);
  listener.fence(flags, Buffer.from(yield length));
}
