import { EventEmitter } from 'node:events';
import { readSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Rect } from '@browser-vm/rfb';
import { changedPart } from './changed-part.ts';

/** What the reader says at a time: a generation, then a bit for each band of rows that is new. Bytes. */
const MESSAGE = 12;
const BANDS = 64;
/** Of input, that something is about to change: said at most so often. Milliseconds. */
const EXPECT_INTERVAL = 100;
/** More new rows than this are taken as they are: to look closer costs more than to convert them. */
const CLOSER_ROWS = 160;

/** Which picture the reader has. */
export interface MemoryPictureOf {
  readonly generation: number;
  readonly width: number;
  readonly height: number;
}

export interface MemoryPictureEvents {
  /** Every pixel of this generation has arrived once. */
  whole: [];
  damaged: [damage: readonly Rect[]];
  /** The reader ended, with its VM perhaps. */
  lost: [];
}

/**
 * The picture in a VM's memory, as its reader copies it. See picture-reader in the host for the other end. What the
 * reader says is a few bits; everything else is memory of our own size.
 */
export class MemoryPicture extends EventEmitter<MemoryPictureEvents> {
  readonly #descriptor: number;
  readonly #reader: Socket;
  #of: MemoryPictureOf | null = null;
  #pixels = Buffer.alloc(0);
  #before = Buffer.alloc(0);
  #isWhole = false;
  #heard: Buffer = Buffer.alloc(0);
  /** Said by the reader before the host told us of it. */
  #early: Buffer | null = null;
  /** Has it said anything? Before it is there, what we say may be lost. */
  #isMet = false;
  #watched = false;
  #expectedAt = Number.NEGATIVE_INFINITY;

  /** Descriptor of the memory that the reader writes to, and the socket to it. */
  constructor(pixels: number, reader: Socket) {
    super();
    this.#descriptor = pixels;
    this.#reader = reader;
    this.#reader.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#reader.on('error', () => {});
    this.#reader.once('close', () => {
      this.#of = null;
      this.emit('lost');
    });
  }

  get pixels(): Buffer {
    return this.#pixels;
  }

  /** Null: none, for now. */
  get of(): MemoryPictureOf | null {
    return this.#of;
  }

  /** The reader is gone, for good. */
  get isLost(): boolean {
    return this.#reader.destroyed;
  }

  get isWhole(): boolean {
    return this.#isWhole;
  }

  show(of: MemoryPictureOf | null): void {
    this.#of = this.#reader.destroyed ? null : of;
    this.#isWhole = false;
    if (of === null) return;
    this.#pixels = Buffer.alloc(of.width * of.height * 4);
    const early = this.#early;
    this.#early = null;
    if (early !== null) this.#take(early);
  }

  watch(watched: boolean): void {
    if (watched === this.#watched) return;
    this.#watched = watched;
    this.#say(watched ? 'w' : 'z');
  }

  /** Something was put in, so that something may change soon. */
  expect(): void {
    const now = performance.now();
    if (!this.#watched || now - this.#expectedAt < EXPECT_INTERVAL) return;
    this.#expectedAt = now;
    this.#say('i');
  }

  close(): void {
    this.removeAllListeners();
    this.#reader.destroy();
  }

  #say(word: string): void {
    if (this.#isMet && !this.#reader.destroyed) this.#reader.write(word);
  }

  #receive(chunk: Buffer): void {
    this.#heard = this.#heard.length === 0 ? chunk : Buffer.concat([this.#heard, chunk]);
    while (this.#heard.length >= MESSAGE) {
      const message = this.#heard.subarray(0, MESSAGE);
      this.#heard = this.#heard.subarray(MESSAGE);
      if (!this.#isMet) {
        this.#isMet = true;
        if (this.#watched) this.#say('w');
      }
      this.#take(message);
    }
  }

  #take(message: Buffer): void {
    const of = this.#of;
    const generation = message.readUInt32LE(0);
    if (of === null || generation !== of.generation) {
      this.#early = of === null || generation > of.generation ? Buffer.from(message) : null;
      return;
    }
    const damage = this.#read(of, message.subarray(4));
    this.#say('k');
    if (!this.#isWhole) {
      // The first of a generation has all bands.
      this.#isWhole = true;
      this.emit('whole');
    } else if (damage.length > 0) this.emit('damaged', damage);
  }

  /** Copies the new bands, neighbours together. What of them really changed. */
  #read({ width, height }: MemoryPictureOf, bits: Buffer): Rect[] {
    const rowsOfBand = Math.ceil(height / BANDS);
    const damage: Rect[] = [];
    for (let band = 0; band < BANDS; band += 1) {
      if (!isSet(bits, band)) continue;
      const y = band * rowsOfBand;
      while (band + 1 < BANDS && isSet(bits, band + 1)) band += 1;
      const bottom = Math.min(height, (band + 1) * rowsOfBand);
      if (bottom > y) damage.push(...this.#readRows(width, y, bottom - y));
    }
    return damage;
  }

  #readRows(width: number, y: number, rows: number): Rect[] {
    const stride = width * 4;
    const target = this.#pixels.subarray(y * stride, (y + rows) * stride);
    const closer = this.#isWhole && rows <= CLOSER_ROWS;
    if (closer) {
      if (this.#before.length < target.length) this.#before = Buffer.alloc(target.length);
      target.copy(this.#before);
    }
    readSync(this.#descriptor, target, 0, target.length, y * stride);
    if (!closer) return [{ x: 0, y, width, height: rows }];
    const part = changedPart(this.#before, target, width, rows);
    return part === null ? [] : [{ ...part, y: y + part.y }];
  }
}

function isSet(bits: Buffer, index: number): boolean {
  return (((bits[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}
