const RECORD_HEADER = 5;
/** RFC 8446: message header, legacy version. */
const RANDOM = RECORD_HEADER + 4 + 2;
const KEY_SHARE = 51;
const X25519 = 0x001d;

/** What a client drew for one TLS connection (RFC 8446, section 4.1.2), in hex; null while bytes are missing. */
export function readClientHello(bytes: Buffer): Record<string, string> | null {
  if (bytes.length < RECORD_HEADER || bytes.length < RECORD_HEADER + bytes.readUInt16BE(3)) return null;
  const random = bytes.toString('hex', RANDOM, RANDOM + 32);
  let at = RANDOM + 32;
  const vector = (lengthBytes: 1 | 2): Buffer => {
    const length = bytes.readUIntBE(at, lengthBytes);
    at += lengthBytes + length;
    return bytes.subarray(at - length, at);
  };
  const tlsSession = vector(1).toString('hex');
  // Cipher suites, compression methods, then the extensions.
  vector(2);
  vector(1);
  at += 2;
  let tlsKeyShare = '';
  while (at < bytes.length) {
    const type = bytes.readUInt16BE(at);
    at += 2;
    const content = vector(2);
    if (type === KEY_SHARE) tlsKeyShare = keyShare(content);
  }
  return { tlsRandom: random, tlsSession, tlsKeyShare };
}

/** The public X25519 key among those offered. */
function keyShare(content: Buffer): string {
  for (let at = 2; at < content.length; at += 4 + content.readUInt16BE(at + 2)) {
    if (content.readUInt16BE(at) === X25519)
      return content.toString('hex', at + 4, at + 4 + content.readUInt16BE(at + 2));
  }
  return '';
}
