import { createHmac, timingSafeEqual } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { crc32 } from 'node:zlib';

/** Of the STUN messages that ICE sends between peers (RFC 8489, RFC 8445). */
export const KIND = { request: 0x0001, response: 0x0101 } as const;
export const ATTRIBUTE = {
  username: 0x0006,
  integrity: 0x0008,
  mappedAddress: 0x0020,
  fingerprint: 0x8028,
  controlled: 0x8029,
  controlling: 0x802a,
} as const;

export interface StunMessage {
  readonly kind: number;
  readonly transaction: Buffer;
  /** In their order, without integrity and fingerprint. */
  readonly attributes: readonly { readonly type: number; readonly value: Buffer }[];
}

const COOKIE = 0x2112_a442;
const HEADER = 20;
const FINGERPRINT_MASK = 0x5354_554e;
/** What integrity takes, and the fingerprint, with their heads. Bytes. */
const INTEGRITY_BYTES = 24;
const FINGERPRINT_BYTES = 8;

export function isStun(packet: Buffer): boolean {
  return packet.length >= HEADER && packet[0]! < 4 && packet.readUInt32BE(4) === COOKIE;
}

/** Null: it is none, is cut short, or was not made by one that knows the password. */
export function readStun(packet: Buffer, password: string): StunMessage | null {
  if (!isStun(packet) || packet.readUInt16BE(2) !== packet.length - HEADER) return null;
  const attributes: { type: number; value: Buffer }[] = [];
  for (let at = HEADER; at < packet.length; ) {
    if (at + 4 > packet.length) return null;
    const type = packet.readUInt16BE(at);
    const value = packet.subarray(at + 4, at + 4 + packet.readUInt16BE(at + 2));
    if (value.length !== packet.readUInt16BE(at + 2)) return null;
    if (type === ATTRIBUTE.integrity) {
      if (!isBy(password, packet.subarray(0, at), value)) return null;
      return { kind: packet.readUInt16BE(0), transaction: packet.subarray(8, HEADER), attributes };
    }
    attributes.push({ type, value });
    at += 4 + Math.ceil(value.length / 4) * 4;
  }
  // Without integrity it says nothing about who made it.
  return null;
}

/** With the integrity that this password gives, and a fingerprint. */
export function writeStun({ kind, transaction, attributes }: StunMessage, password: string): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt16BE(kind, 0);
  header.writeUInt32BE(COOKIE, 4);
  transaction.copy(header, 8);
  const parts = [header, ...attributes.map(({ type, value }) => attribute(type, value))];
  const message = Buffer.concat(parts);
  const signed = Buffer.concat([message, attribute(ATTRIBUTE.integrity, integrityOf(password, message))]);
  signed.writeUInt16BE(signed.length - HEADER + FINGERPRINT_BYTES, 2);
  const fingerprint = Buffer.alloc(4);
  fingerprint.writeUInt32BE((crc32(signed) ^ FINGERPRINT_MASK) >>> 0);
  return Buffer.concat([signed, attribute(ATTRIBUTE.fingerprint, fingerprint)]);
}

/** The value of XOR-MAPPED-ADDRESS. */
export function mappedAddress(address: string, port: number, transaction: Buffer): Buffer {
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(COOKIE, 0);
  transaction.copy(mask, 4);
  const bytes = isIPv6(address) ? ipv6Bytes(address) : Buffer.from(address.split('.').map(Number));
  const value = Buffer.alloc(4 + bytes.length);
  value[1] = bytes.length === 16 ? 2 : 1;
  value.writeUInt16BE(port ^ (COOKIE >>> 16), 2);
  for (const [at, byte] of bytes.entries()) value[4 + at] = byte ^ mask[at]!;
  return value;
}

function ipv6Bytes(address: string): Buffer {
  const words = (part: string) =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const [head = '', tail] = address.split('::');
  const behind = tail === undefined ? [] : words(tail);
  const before = words(head);
  const all = [...before, ...Array<number>(8 - before.length - behind.length).fill(0), ...behind];
  const bytes = Buffer.alloc(16);
  for (const [at, word] of all.entries()) bytes.writeUInt16BE(word, at * 2);
  return bytes;
}

function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + Math.ceil(value.length / 4) * 4);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  value.copy(bytes, 4);
  return bytes;
}

function isBy(password: string, message: Buffer, integrity: Buffer): boolean {
  const right = integrityOf(password, message);
  return integrity.length === right.length && timingSafeEqual(integrity, right);
}

/** Of the message up to here, whose length then counts what says it (RFC 8489, 14.5). */
function integrityOf(password: string, message: Buffer): Buffer {
  const counted = Buffer.from(message);
  counted.writeUInt16BE(message.length - HEADER + INTEGRITY_BYTES, 2);
  return createHmac('sha1', password).update(counted).digest();
}
