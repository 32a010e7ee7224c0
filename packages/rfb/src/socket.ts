import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

export type ConnectTo = { readonly host: string; readonly port: number } | { readonly stream: Duplex };

/** Bytes read at once, into the same memory each time: a 1280x720 picture is 15 of these. */
const READ_BYTES = 256 * 1024;

/** Opens the connection, or takes the one given; `receive` gets views that are valid during the call. */
export function openConnection(to: ConnectTo, receive: (chunk: Buffer) => void): Duplex {
  if ('stream' in to) {
    to.stream.on('data', receive);
    return to.stream;
  }
  const socket = connect({
    host: to.host,
    port: to.port,
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (bytes, buffer) => {
        receive(Buffer.from(buffer.buffer, buffer.byteOffset, bytes));
        return true;
      },
    },
  });
  return socket;
}
