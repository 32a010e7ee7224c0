import { Bandwidth, type Fate, type Rates } from './bandwidth.ts';
import { type PacketShape, sequenceOf, setNumber } from './packets.ts';
import { type Arrival, readFeedback, senderReport } from './rtcp.ts';

export interface OutgoingListener {
  /** To the network, at once. */
  packet(packet: Buffer): void;
  /** All that was to be sent has been. */
  empty(): void;
  keyFrameWanted(): void;
}

/** Packets that can be sent again. At 30 Mbit/s a third of a second. */
const HISTORY = 1024;
/** Packets whose fate may still be told. */
const AWAITED = 4096;
/** What SRTP, UDP and IP put around a packet. Bytes. */
const AROUND = 10 + 8 + 20;
/** A frame leaves this much faster than the link is thought to be, as libwebrtc’s pacer does. */
const HASTE = 2.5;
/** RFC 3550 has 5 s; this is also how the viewer knows that the way is open while nothing changes. Milliseconds. */
const REPORT_MS = 500;
/** Feedback takes a round trip, and waits up to 250 ms at the receiver. Milliseconds. */
const GUARD = { leastMs: 150, feedbackMs: 100, times: 6 } as const;
const MAX_ROUND_TRIP_MS = 500;
const CLOCK_PER_MS = 90;

interface Sent {
  readonly atMs: number;
  readonly bytes: number;
  readonly burst: number;
  readonly packet: Buffer;
}

/** The packets of one viewer's video on their way: paced, sent again where missing, and what became of them. */
export class Outgoing {
  readonly #shape: PacketShape;
  readonly #listener: OutgoingListener;
  readonly #bandwidth: Bandwidth;
  readonly #history = new Map<number, Buffer>();
  readonly #awaited = new Map<number, Sent>();
  readonly #reports: NodeJS.Timeout;
  #queue: Buffer[] = [];
  #timer: NodeJS.Timeout | null = null;
  #guard: NodeJS.Timeout | null = null;
  /** When the next packet may leave. */
  #nextAtMs = 0;
  /** When the link has carried all that left, if it is as fast as is thought. */
  #carriedAtMs = 0;
  #number = 0;
  #burst = 0;
  #lastReceived = -1;
  #lastFrameAtMs = 0;
  #roundTripMs = 100;
  #total = { packets: 0, bytes: 0 };

  constructor(shape: PacketShape, rates: Rates, listener: OutgoingListener) {
    this.#shape = shape;
    this.#listener = listener;
    this.#bandwidth = new Bandwidth(rates);
    this.#reports = setInterval(() => this.#report(), REPORT_MS);
  }

  /** What the link is thought to carry. kbit/s. */
  get kbps(): number {
    return this.#bandwidth.kbps;
  }

  /** Until the link has carried everything. Milliseconds; infinite while packets wait here. */
  get busyMs(): number {
    if (this.#queue.length > 0) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#carriedAtMs - performance.now());
  }

  /** Since the last frame. Milliseconds. */
  get quietMs(): number {
    return performance.now() - this.#lastFrameAtMs;
  }

  /** The packets of one frame. */
  send(packets: readonly Buffer[]): void {
    for (const packet of packets) {
      const sequence = sequenceOf(packet);
      this.#history.set(sequence, packet);
      this.#history.delete((sequence - HISTORY) & 0xffff);
    }
    this.#burst += 1;
    this.#lastFrameAtMs = performance.now();
    this.#queue.push(...packets);
    this.#flush();
  }

  /** Something else went the same way, which the next frame waits for. Bytes of an RTP packet. */
  besides(bytes: number): void {
    this.#carriedAtMs = Math.max(this.#carriedAtMs, performance.now()) + ((bytes + AROUND) * 8) / this.kbps;
  }

  /** RTCP of the viewer. */
  receive(compound: Buffer): void {
    readFeedback(compound, {
      missing: (sequences) => this.#sendAgain(sequences),
      keyFrame: () => this.#listener.keyFrameWanted(),
      arrivals: (arrivals) => this.#learn(arrivals),
    });
  }

  close(): void {
    clearInterval(this.#reports);
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#guard !== null) clearTimeout(this.#guard);
    this.#queue = [];
  }

  #flush(): void {
    const now = performance.now();
    const kbps = this.kbps * HASTE;
    // Timers are a millisecond late: what could have left meanwhile leaves now.
    this.#nextAtMs = Math.max(this.#nextAtMs, now - 1);
    let next = this.#queue[0];
    while (next !== undefined && this.#nextAtMs <= now + 0.5) {
      this.#queue.shift();
      this.#nextAtMs += (next.length * 8) / kbps;
      this.#sendNow(next, now);
      next = this.#queue[0];
    }
    if (next === undefined) {
      this.#listener.empty();
      return;
    }
    this.#timer ??= setTimeout(
      () => {
        this.#timer = null;
        this.#flush();
      },
      Math.max(1, this.#nextAtMs - now),
    );
  }

  #sendNow(packet: Buffer, now: number): void {
    const number = this.#number;
    this.#number = (number + 1) & 0xffff;
    setNumber(packet, this.#shape, number);
    const bytes = packet.length + AROUND;
    this.#awaited.set(number, { atMs: now, bytes, burst: this.#burst, packet });
    this.#awaited.delete((number - AWAITED) & 0xffff);
    this.#total.packets += 1;
    this.#total.bytes += packet.length;
    this.#carriedAtMs = Math.max(this.#carriedAtMs, now) + (bytes * 8) / this.kbps;
    this.#listener.packet(packet);
    this.#guardLast(1);
  }

  /** A receiver cannot miss the last packet before there is another: it is sent again until it is known to be there. */
  #guardLast(times: number): void {
    if (this.#guard !== null) clearTimeout(this.#guard);
    const pauseMs = Math.max(GUARD.leastMs, 2 * this.#roundTripMs + GUARD.feedbackMs) * times;
    this.#guard = setTimeout(() => {
      this.#guard = null;
      const last = (this.#number - 1) & 0xffff;
      const sent = this.#awaited.get(last);
      if (sent === undefined || this.#lastReceived === last || times > GUARD.times) return;
      this.#sendNow(sent.packet, performance.now());
      this.#guardLast(times + 1);
    }, pauseMs);
  }

  #sendAgain(sequences: readonly number[]): void {
    const now = performance.now();
    for (const sequence of sequences) {
      const packet = this.#history.get(sequence);
      if (packet !== undefined) this.#sendNow(packet, now);
    }
  }

  #learn(arrivals: readonly Arrival[]): void {
    const fates: Fate[] = [];
    for (const { sequence, atMs } of arrivals) {
      const sent = this.#awaited.get(sequence);
      if (sent === undefined) continue;
      if (atMs !== null) this.#lastReceived = sequence;
      fates.push({ sentAtMs: sent.atMs, arrivedAtMs: atMs, bytes: sent.bytes, burst: sent.burst });
    }
    const last = fates.at(-1);
    if (last === undefined) return;
    this.#roundTripMs = Math.min(MAX_ROUND_TRIP_MS, performance.now() - last.sentAtMs);
    this.#bandwidth.learn(fates);
  }

  #report(): void {
    if (this.#total.packets === 0) return;
    this.#listener.packet(senderReport(this.#shape.ssrc, timestampOf(performance.now()), this.#total));
  }
}

/** A time in RTP's clock for video. */
export function timestampOf(atMs: number): number {
  return Math.floor(atMs * CLOCK_PER_MS) % 2 ** 32;
}
