import type { EventEmitter } from 'node:events';
import type { Cursor, Rect } from '@browser-vm/rfb';

export interface PictureSourceEvents {
  /** The source is connected; its size is known, its picture not yet. */
  attached: [width: number, height: number];
  /** Another size; `whole` follows when every pixel of it has arrived. */
  resized: [width: number, height: number];
  /** These parts of `pixels` changed. */
  damaged: [damage: readonly Rect[]];
  /** Every pixel has arrived once since `attached` or `resized`. */
  whole: [];
  /** Something may have changed; told while pixels are not wanted from the source. */
  stirred: [];
  /** The desktop has this size now, or a new server: where its picture was, it is no longer. */
  moved: [width: number, height: number];
  /** Where the picture comes from now. */
  from: [source: 'memory' | 'rfb'];
  cursor: [cursor: Cursor];
  clipboard: [text: string];
  /** The connection was lost, or could not be made in time (`final`); otherwise it is tried again. */
  lost: [error: Error, final: boolean];
}

/** Where a desktop's pixels come from. RFB is the one that always works. */
export interface PictureSource extends EventEmitter<PictureSourceEvents> {
  readonly width: number;
  readonly height: number;
  /** BGRX, rows without padding; empty while there is none. A new buffer after `attached` and `resized`. */
  readonly pixels: Buffer;
  /** Is anyone looking? While not, the source asks for nothing once it has a whole picture. */
  watch(watched: boolean): void;
  close(): void;
}

/** Where a viewer's input goes to. */
export interface InputTarget {
  /** x, y in pixels of the desktop; mask as in RFB: bit 0 left, 1 middle, 2 right, 3 to 6 wheel. */
  pointer(x: number, y: number, mask: number): void;
  key(keysym: number, pressed: boolean): void;
  /** Types characters that the desktop's keyboard may have no keys for. */
  text(text: string): void;
  clipboard(text: string): void;
  /** Asks for a desktop of that size, in pixels; the source tells when it has it. */
  resize(width: number, height: number): void;
}
