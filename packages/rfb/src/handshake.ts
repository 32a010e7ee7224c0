import { RfbError } from './errors.ts';
import type { Parse } from './incoming.ts';
import { LIMITS } from './limits.ts';
import { setEncodings, setPixelFormat } from './outgoing.ts';

const SECURITY_NONE = 1;

export interface ServerInit {
  readonly width: number;
  readonly height: number;
  readonly name: string;
}

/** A text with its length before it. */
function* parseText(what: string): Parse<string> {
  const length = (yield 4).readUInt32BE(0);
  if (length > LIMITS.text)
    throw new RfbError('limit', `${what} of ${length} bytes, allowed is ${LIMITS.text}`);
  return (yield length).toString('utf8');
}

/** RFB 3.8 with security None, up to the point where updates can be asked for. */
export function* parseHandshake(send: (message: Buffer) => void): Parse<ServerInit> {
  const greeting = (yield 12).toString('latin1');
  const version = /^RFB (\d{3})\.(\d{3})\n$/.exec(greeting);
  if (version === null) throw new RfbError('protocol', 'the server does not speak RFB');
  if (Number(version[1]) !== 3 || Number(version[2]) < 8) {
    throw new RfbError('unsupported', `RFB ${version[1]}.${version[2]}, needed is 3.8`);
  }
  send(Buffer.from('RFB 003.008\n', 'latin1'));

  const count = (yield 1).readUInt8(0);
  if (count === 0) throw new RfbError('refused', `refused: ${yield* parseText('refusal')}`);
  const types = yield count;
  if (!types.includes(SECURITY_NONE)) throw new RfbError('unsupported', 'the server wants authentication');
  send(Buffer.from([SECURITY_NONE]));
  if ((yield 4).readUInt32BE(0) !== 0) {
    throw new RfbError('refused', `refused: ${yield* parseText('refusal')}`);
  }

  send(Buffer.from([1])); // shared: noVNC may look on at the same time
  const init = yield 20;
  const width = init.readUInt16BE(0);
  const height = init.readUInt16BE(2);
  const name = yield* parseText('desktop name');
  send(setPixelFormat());
  send(setEncodings());
  return { width, height, name };
}
