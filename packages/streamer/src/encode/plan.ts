import type { Rect } from '@browser-vm/rfb';

/** What to encode next. */
export interface Plan {
  /** At rest blocks become sharp, then fine. */
  readonly kind: 'key' | 'moving' | 'sharp' | 'fine';
  /** Of libvpx's 64. */
  readonly quantiser: number;
  /** A byte for each block, 1: encode it. */
  readonly blocks: Uint8Array;
  /** How many of them. */
  readonly count: number;
}

/** Sharpest quantisers, of 64. While it moves nobody reads; at rest text is as on a screen. */
const SHARPEST = { key: 10, moving: 12, still: 2 } as const;
/** Text is sharp at this one: rather less of the picture at once than coarser at rest. */
const SHARP = 12;
const COARSEST = 63;
/** A block that changed since it was encoded. */
const CHANGED = 255;
/** Bits of one block times the step of the quantiser, before anything was encoded: text in motion. */
const FIRST_COST = { key: 1600, moving: 1200, sharp: 3600, fine: 1200 } as const;
/** Blocks of one frame that say as much as all that was known before. */
const TELLING = 100;

/** VP8's step at each of libvpx's 64 quantisers: 4 to 157 in equal ratios, which is near enough. */
const STEPS = Array.from({ length: COARSEST + 1 }, (_, quantiser) => 4 * (157 / 4) ** (quantiser / COARSEST));

/**
 * Which blocks of a picture are due, and how sharp they can be for the bits there are: what changed first; then,
 * at rest, what is not sharp yet. Learns from each frame how many bits a block takes.
 */
export class EncodingPlan {
  readonly #columns: number;
  readonly #rows: number;
  /** Of each block: CHANGED, or the quantiser it was encoded with. */
  readonly #blocks: Uint8Array;
  readonly #due: Uint8Array;
  readonly #cost: Record<Plan['kind'], number> = { ...FIRST_COST };
  #isChanged = true;
  #isSharp = false;

  constructor(width: number, height: number) {
    this.#columns = (width + 15) >> 4;
    this.#rows = (height + 15) >> 4;
    this.#blocks = new Uint8Array(this.#columns * this.#rows).fill(CHANGED);
    this.#due = new Uint8Array(this.#blocks.length);
  }

  /** Something changed that was not encoded yet. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** Nothing is left to do. */
  get isSharp(): boolean {
    return this.#isSharp;
  }

  changed(rects: readonly Rect[]): void {
    for (const { x, y, width, height } of rects) {
      const left = Math.max(0, x >> 4);
      const right = Math.min(this.#columns, ((x + width - 1) >> 4) + 1);
      const bottom = Math.min(this.#rows, ((y + height - 1) >> 4) + 1);
      if (left >= right) continue;
      for (let row = Math.max(0, y >> 4); row < bottom; row += 1) {
        this.#blocks.fill(CHANGED, row * this.#columns + left, row * this.#columns + right);
      }
      this.#isChanged = true;
      this.#isSharp = false;
    }
  }

  /** The next frame for that many bits; its blocks are valid until the next plan. */
  next(bits: number, wantsKey: boolean): Plan {
    if (wantsKey)
      return this.#fitting(
        'key',
        this.#choose(() => true),
        bits,
      );
    if (this.#isChanged)
      return this.#fitting(
        'moving',
        this.#choose((was) => was === CHANGED),
        bits,
      );
    return this.#sharpening(bits);
  }

  /** That frame was encoded and took so many bytes. */
  encoded({ kind, quantiser, blocks, count }: Plan, bytes: number): void {
    this.#isChanged = false;
    this.#isSharp = true;
    for (const [at, isDue] of blocks.entries()) {
      if (isDue === 1) this.#blocks[at] = quantiser;
      if ((this.#blocks[at] ?? 0) > SHARPEST.still) this.#isSharp = false;
    }
    if (count === 0) return;
    const seen = (bytes * 8 * stepOf(quantiser)) / count;
    const weight = Math.min(0.5, count / TELLING);
    // Frames that turn out too large cost more than ones that turn out too small.
    this.#cost[kind] += (seen - this.#cost[kind]) * (seen > this.#cost[kind] ? weight : weight / 2);
  }

  #fitting(kind: 'key' | 'moving', count: number, bits: number): Plan {
    let quantiser: number = SHARPEST[kind];
    while (quantiser < COARSEST && this.#bits(kind, count, quantiser) > bits) quantiser += 1;
    return { kind, quantiser, blocks: this.#due, count };
  }

  /**
   * First all of it sharp, then fine: at once where there are bits for it, else as many blocks as there are bits for,
   * from the top.
   */
  #sharpening(bits: number): Plan {
    const count = this.#choose((was) => was > SHARPEST.still);
    // What is coarse becomes fine at the price of both.
    if (this.#bits('sharp', count, SHARPEST.still) <= bits)
      return { kind: 'fine', quantiser: SHARPEST.still, blocks: this.#due, count };
    const coarse = this.#choose((was) => was > SHARP);
    if (coarse > 0) return this.#some('sharp', coarse, SHARP, bits);
    return this.#some(
      'fine',
      this.#choose((was) => was > SHARPEST.still),
      SHARPEST.still,
      bits,
    );
  }

  /** Of the blocks that are due, those there are bits for. */
  #some(kind: 'sharp' | 'fine', due: number, quantiser: number, bits: number): Plan {
    const most = Math.max(1, Math.floor((bits * stepOf(quantiser)) / this.#cost[kind]));
    let count = due;
    for (let at = this.#due.length - 1; count > most && at >= 0; at -= 1) {
      if (this.#due[at] === 0) continue;
      this.#due[at] = 0;
      count -= 1;
    }
    return { kind, quantiser, blocks: this.#due, count };
  }

  #bits(kind: Plan['kind'], count: number, quantiser: number): number {
    return (count * this.#cost[kind]) / stepOf(quantiser);
  }

  #choose(isDue: (was: number) => boolean): number {
    let count = 0;
    for (const [at, was] of this.#blocks.entries()) {
      const due = isDue(was) ? 1 : 0;
      this.#due[at] = due;
      count += due;
    }
    return count;
  }
}

function stepOf(quantiser: number): number {
  return STEPS[quantiser] ?? STEPS[COARSEST]!;
}
