import koffi from 'koffi';
import type { I420Frame } from '../pixels/i420.ts';
import { CONTROL, type EncodedFrame, Libvpx } from './libvpx.ts';

/** The fastest of libvpx that still looks for movement. */
const CPU_USED = -12;
/** Of `rc_end_usage`: variable bitrate. The constant one lets no quantiser fall by more than 12 of 127 from frame to frame. */
const VBR = 0;
/** Never what holds the encoder back: each frame's quantiser is given. kbit/s. */
const UNLIMITED = 100_000;
/** Blocks that differ less are left as they are, while others move: noise nobody sees. */
const STATIC = { moving: 100, still: 0 } as const;

/** Pictures of one size to VP8, each frame as sharp as is asked for, and only the blocks that are asked for. */
export class Vp8Encoder {
  readonly width: number;
  readonly height: number;
  readonly #libvpx: Libvpx;
  /** `vpx_active_map_t`: where the blocks are, and how many. */
  readonly #map = Buffer.alloc(16);
  #quantiser = 20;
  #threshold: number = STATIC.moving;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.#libvpx = new Libvpx({
      threads: 1,
      width,
      height,
      timebaseNumerator: 1,
      timebaseDenominator: 30,
      lag: 0,
      endUsage: VBR,
      kbps: UNLIMITED,
      minQuantiser: this.#quantiser,
      maxQuantiser: this.#quantiser,
      keyFrameMode: 0,
    });
    this.#libvpx.control(CONTROL.cpuUsed, CPU_USED);
    this.#libvpx.control(CONTROL.staticThreshold, this.#threshold);
    this.#libvpx.control(CONTROL.screenContent, 1);
    this.#map.writeUInt32LE((height + 15) >> 4, 8);
    this.#map.writeUInt32LE((width + 15) >> 4, 12);
  }

  /**
   * blocks: a byte for each of 16x16 pixels, row after row; those of 0 stay as they are. Null: a key frame, which
   * needs nothing before it. quantiser: 0 to 63, lower is sharper.
   */
  encode(frame: I420Frame, quantiser: number, blocks: Uint8Array | null, isMoving: boolean): EncodedFrame {
    if (quantiser !== this.#quantiser) {
      this.#quantiser = quantiser;
      this.#libvpx.configure({ minQuantiser: quantiser, maxQuantiser: quantiser });
    }
    const threshold = isMoving ? STATIC.moving : STATIC.still;
    if (threshold !== this.#threshold) {
      this.#threshold = threshold;
      this.#libvpx.control(CONTROL.staticThreshold, threshold);
    }
    // Copied by the library, which has its own.
    this.#map.writeBigUInt64LE(blocks === null ? 0n : koffi.address(blocks), 0);
    this.#libvpx.controlAt(CONTROL.activeMap, this.#map);
    return this.#libvpx.encode(frame.data, this.width, this.height, blocks === null);
  }

  close(): void {
    this.#libvpx.close();
  }
}
