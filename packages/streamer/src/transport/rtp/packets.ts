export interface PacketShape {
  readonly ssrc: number;
  readonly payloadType: number;
  /** Numbers of the header extensions in this negotiation; null: not negotiated. */
  readonly transportWide: number | null;
  readonly playoutDelay: number | null;
}

/** So that a packet with everything around it fits ways with an MTU of 1280. Bytes. */
const MAX_PAYLOAD = 1120;

/**
 * One VP8 frame as RTP packets (RFC 7741) whose RTP sequence numbers begin with `sequence`. The
 * transport-wide number is set when a packet is sent.
 */
export function packetsOf(
  frame: Buffer,
  shape: PacketShape,
  sequence: number,
  timestamp: number,
  pictureId: number,
): Buffer[] {
  const extension = extensionOf(shape);
  const count = Math.ceil(frame.length / MAX_PAYLOAD);
  const size = Math.ceil(frame.length / count);
  const packets: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    const part = frame.subarray(index * size, (index + 1) * size);
    const packet = Buffer.allocUnsafe(12 + extension.length + 4 + part.length);
    packet[0] = extension.length > 0 ? 0x90 : 0x80;
    packet[1] = shape.payloadType | (index === count - 1 ? 0x80 : 0);
    packet.writeUInt16BE((sequence + index) & 0xffff, 2);
    packet.writeUInt32BE(timestamp, 4);
    packet.writeUInt32BE(shape.ssrc, 8);
    extension.copy(packet, 12);
    const payload = 12 + extension.length;
    packet[payload] = index === 0 ? 0x90 : 0x80;
    packet[payload + 1] = 0x80;
    packet.writeUInt16BE(0x8000 | (pictureId & 0x7fff), payload + 2);
    part.copy(packet, payload + 4);
    packets.push(packet);
  }
  return packets;
}

/** A packet's own number, 0 to 65535. */
export function sequenceOf(packet: Buffer): number {
  return packet.readUInt16BE(2);
}

/** Sets the transport-wide number of a packet of that shape. */
export function setNumber(packet: Buffer, shape: PacketShape, number: number): void {
  if (shape.transportWide !== null) packet.writeUInt16BE(number & 0xffff, NUMBER_AT);
}

/** Behind the header, the extensions' own header, and the first one's number and length. */
const NUMBER_AT = 12 + 4 + 1;

/** RFC 8285 with short headers; a playout delay of 0 to 0: shown as soon as it is decoded. */
function extensionOf({ transportWide, playoutDelay }: PacketShape): Buffer {
  const elements: number[] = [];
  if (transportWide !== null) elements.push((transportWide << 4) | 1, 0, 0);
  if (playoutDelay !== null) elements.push((playoutDelay << 4) | 2, 0, 0, 0);
  if (elements.length === 0) return Buffer.alloc(0);
  while (elements.length % 4 !== 0) elements.push(0);
  return Buffer.from([0xbe, 0xde, 0, elements.length / 4, ...elements]);
}
