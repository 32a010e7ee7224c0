import type { Rect } from '@browser-vm/rfb';
import type { FrameTaker } from '../../encode/feed.ts';
import { EncodingPlan } from '../../encode/plan.ts';
import { Vp8Encoder } from '../../encode/vp8.ts';
import type { I420Frame } from '../../pixels/i420.ts';
import type { Rates } from './bandwidth.ts';
import { Outgoing, timestampOf } from './outgoing.ts';
import { type PacketShape, packetsOf } from './packets.ts';

/** Between two key frames, milliseconds: a receiver asks again before the one on its way has come. */
const KEY_PAUSE_MS = 300;
/**
 * A frame is to take the link this long. At rest nobody waits for the next, and a key frame takes the place of a picture
 * that was sharp. Milliseconds.
 */
const FRAME_MS = { moving: 50, still: 100, key: { moving: 100, still: 300 } } as const;
/** Without a change for this long a picture is at rest. Milliseconds. */
const REST_MS = 80;
/** The link may still be busy for this long when the next frame is encoded. Milliseconds. */
const AHEAD_MS = 5;
/**
 * Chromium that has heard nothing for 3 s asks for a key frame although it misses nothing; answering that would make a
 * desktop at rest send for ever. Whoever asks twice within the other time misses something. Milliseconds.
 */
const IDLE = { fromMs: 2500, againMs: 2500 } as const;

/**
 * One viewer's video: encodes the newest picture whenever the link is free, changed parts first, then sharper until
 * all of it is; and nothing any more after that.
 */
export class VideoSender implements FrameTaker {
  readonly #shape: PacketShape;
  readonly #outgoing: Outgoing;
  #encoder: Vp8Encoder | null = null;
  #plan: EncodingPlan | null = null;
  #frame: I420Frame | null = null;
  #takenAt = 0;
  #wantsKey = true;
  #keyAt = Number.NEGATIVE_INFINITY;
  #ignoredAt = Number.NEGATIVE_INFINITY;
  #timestamp = 0;
  #timer: NodeJS.Timeout | null = null;
  #sequence = Math.floor(Math.random() * 0x1_0000);
  #pictureId = Math.floor(Math.random() * 0x8000);
  #closed = false;

  constructor(shape: PacketShape, rates: Rates, send: (packet: Buffer) => void) {
    this.#shape = shape;
    this.#outgoing = new Outgoing(shape, rates, {
      packet: send,
      empty: () => this.#work(),
      keyFrameWanted: () => this.#keyFrameWanted(),
    });
  }

  take(frame: I420Frame, damage: readonly Rect[]): void {
    if (this.#closed) return;
    if (this.#encoder?.width !== frame.width || this.#encoder.height !== frame.height) {
      this.#encoder?.close();
      this.#encoder = new Vp8Encoder(frame.width, frame.height);
      this.#plan = new EncodingPlan(frame.width, frame.height);
      this.#wantsKey = true;
      // Not one that was asked for, and nothing can be shown before it.
      this.#keyAt = Number.NEGATIVE_INFINITY;
    }
    this.#frame = frame;
    this.#takenAt = performance.now();
    this.#plan?.changed(damage);
    this.#work();
  }

  /** Something else went the same way. Bytes of an RTP packet. */
  besides(bytes: number): void {
    this.#outgoing.besides(bytes);
  }

  /** RTCP of the viewer. */
  receive(compound: Buffer): void {
    if (!this.#closed) this.#outgoing.receive(compound);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#outgoing.close();
    this.#encoder?.close();
    this.#encoder = null;
  }

  #keyFrameWanted(): void {
    const now = performance.now();
    if (this.#outgoing.quietMs > IDLE.fromMs && now - this.#ignoredAt > IDLE.againMs) {
      this.#ignoredAt = now;
      return;
    }
    this.#wantsKey = true;
    this.#work();
  }

  /** Encodes what is due if the link has room for it, and otherwise once it has. */
  #work(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const plan = this.#plan;
    if (this.#closed || plan === null) return;
    const now = performance.now();
    // Infinite while packets wait: the last of them leads here again.
    const freeInMs = Math.max(0, this.#outgoing.busyMs - AHEAD_MS);
    const keyInMs = this.#wantsKey ? Math.max(freeInMs, this.#keyAt + KEY_PAUSE_MS - now) : NEVER;
    const changeInMs = plan.isChanged ? freeInMs : NEVER;
    const sharpenInMs = plan.isSharp ? NEVER : Math.max(freeInMs, this.#takenAt + REST_MS - now);
    const inMs = Math.min(keyInMs, changeInMs, sharpenInMs);
    if (inMs < 0.5) this.#encode(plan, keyInMs < 0.5);
    else if (inMs !== NEVER) this.#timer = setTimeout(() => this.#work(), inMs);
  }

  #encode(plan: EncodingPlan, wantsKey: boolean): void {
    if (this.#encoder === null || this.#frame === null) return;
    const pace = plan.isChanged ? 'moving' : 'still';
    const frameMs = wantsKey ? FRAME_MS.key[pace] : FRAME_MS[pace];
    const next = plan.next(this.#outgoing.kbps * frameMs, wantsKey);
    const blocks = next.kind === 'key' ? null : next.blocks;
    const { data, isKey } = this.#encoder.encode(this.#frame, next.quantiser, blocks, next.kind === 'moving');
    plan.encoded(next, data.length);
    if (isKey) {
      this.#wantsKey = false;
      this.#keyAt = performance.now();
    }
    // The encoder leaves out a frame in which nothing is to be seen.
    if (data.length === 0) {
      this.#work();
      return;
    }
    // Later than that of the frame before, also for the same picture once more.
    const timestamp = timestampOf(performance.now());
    this.#timestamp = timestamp === this.#timestamp ? (timestamp + 1) % 2 ** 32 : timestamp;
    const packets = packetsOf(data, this.#shape, this.#sequence, this.#timestamp, this.#pictureId);
    this.#sequence = (this.#sequence + packets.length) & 0xffff;
    this.#pictureId = (this.#pictureId + 1) & 0x7fff;
    // Leads to `#work` again.
    this.#outgoing.send(packets);
  }
}

const NEVER = Number.POSITIVE_INFINITY;
