/** One packet that a receiver reports on. */
export interface Arrival {
  /** Of the transport-wide numbers, 0 to 65535. */
  readonly sequence: number;
  /** On the receiver's clock, milliseconds; null: it has not come. */
  readonly atMs: number | null;
}

export interface FeedbackListener {
  /** These RTP sequence numbers are missing. */
  missing(sequences: readonly number[]): void;
  keyFrame(): void;
  arrivals(arrivals: readonly Arrival[]): void;
}

const TRANSPORT_FEEDBACK = 205;
const PAYLOAD_FEEDBACK = 206;
const NACK = 1;
const TRANSPORT_WIDE = 15;
const PLI = 1;
const FIR = 4;

/** Reads a compound RTCP packet; what is not understood, or cut short, is passed over. */
export function readFeedback(compound: Buffer, listener: FeedbackListener): void {
  for (let at = 0; at + 4 <= compound.length; ) {
    const bytes = (compound.readUInt16BE(at + 2) + 1) * 4;
    const packet = compound.subarray(at, at + bytes);
    at += bytes;
    if (packet.length < bytes) return;
    if (bytes < 12) continue;
    const type = packet[1];
    const format = packet[0]! & 31;
    if (type === PAYLOAD_FEEDBACK && (format === PLI || format === FIR)) listener.keyFrame();
    else if (type === TRANSPORT_FEEDBACK && format === NACK) listener.missing(readMissing(packet));
    else if (type === TRANSPORT_FEEDBACK && format === TRANSPORT_WIDE)
      listener.arrivals(readArrivals(packet));
  }
}

/** RFC 4585, 6.2.1. */
function readMissing(packet: Buffer): number[] {
  const missing: number[] = [];
  for (let at = 12; at + 4 <= packet.length; at += 4) {
    const first = packet.readUInt16BE(at);
    const following = packet.readUInt16BE(at + 2);
    missing.push(first);
    for (let bit = 0; bit < 16; bit += 1) {
      if ((following >> bit) & 1) missing.push((first + bit + 1) & 0xffff);
    }
  }
  return missing;
}

/** draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1. */
function readArrivals(packet: Buffer): Arrival[] {
  if (packet.length < 20) return [];
  const base = packet.readUInt16BE(12);
  const count = packet.readUInt16BE(14);
  const symbols: number[] = [];
  let at = 20;
  for (; symbols.length < count && at + 2 <= packet.length; at += 2) {
    const chunk = packet.readUInt16BE(at);
    if ((chunk & 0x8000) === 0) {
      const run = Math.min(chunk & 0x1fff, count - symbols.length);
      for (let index = 0; index < run; index += 1) symbols.push((chunk >> 13) & 3);
    } else if ((chunk & 0x4000) === 0) {
      for (let bit = 13; bit >= 0; bit -= 1) symbols.push((chunk >> bit) & 1);
    } else {
      for (let bit = 12; bit >= 0; bit -= 2) symbols.push((chunk >> bit) & 3);
    }
  }
  const arrivals: Arrival[] = [];
  let now = packet.readIntBE(16, 3) * 64;
  for (let index = 0; index < Math.min(count, symbols.length); index += 1) {
    const sequence = (base + index) & 0xffff;
    const symbol = symbols[index];
    if (symbol === 1 && at + 1 <= packet.length) {
      now += packet.readUInt8(at) / 4;
      at += 1;
    } else if (symbol === 2 && at + 2 <= packet.length) {
      now += packet.readInt16BE(at) / 4;
      at += 2;
    } else {
      arrivals.push({ sequence, atMs: null });
      continue;
    }
    arrivals.push({ sequence, atMs: now });
  }
  return arrivals;
}

/** Between 1900, where NTP counts from, and 1970. Seconds. */
const NTP_EPOCH = 2_208_988_800;

/** RFC 3550, 6.4.1, without any reports. */
export function senderReport(
  ssrc: number,
  timestamp: number,
  sent: { readonly packets: number; readonly bytes: number },
): Buffer {
  const report = Buffer.alloc(28);
  const seconds = Date.now() / 1000 + NTP_EPOCH;
  report.writeUInt32BE(0x80c8_0006, 0);
  report.writeUInt32BE(ssrc, 4);
  report.writeUInt32BE(Math.floor(seconds), 8);
  report.writeUInt32BE(Math.floor((seconds % 1) * 2 ** 32), 12);
  report.writeUInt32BE(timestamp, 16);
  report.writeUInt32BE(sent.packets >>> 0, 20);
  report.writeUInt32BE(sent.bytes >>> 0, 24);
  return report;
}
