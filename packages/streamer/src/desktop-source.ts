import { EventEmitter } from 'node:events';
import type { MemoryPicture, MemoryPictureOf } from './memory/memory-picture.ts';
import type { InputTarget, PictureSource, PictureSourceEvents } from './picture-source.ts';
import { RfbSource } from './rfb/source.ts';

/** A reader that has not shown its picture so long after the desktop answered is not waited for. Milliseconds. */
const PATIENCE = 1000;

/**
 * One VM's desktop: input, cursor, clipboard and size by RFB, and the picture from the VM's memory while its
 * reader has it, by RFB otherwise.
 */
export class DesktopSource extends EventEmitter<PictureSourceEvents> implements PictureSource, InputTarget {
  readonly #rfb: RfbSource;
  #memory: MemoryPicture | null = null;
  /** Does the server answer? Before it does, what stands in memory is nobody's picture. */
  #attached = false;
  #from: 'memory' | 'rfb' | null = null;
  #watched = false;
  #patience: NodeJS.Timeout | null = null;

  constructor(at: { readonly host: string; readonly port: number }, memory: MemoryPicture | null) {
    super();
    this.#rfb = new RfbSource(at);
    if (memory !== null) this.#use(memory);
    this.#rfb.on('attached', (width, height) => {
      this.#attached = true;
      this.emit('attached', width, height);
      this.#settle();
      this.#tellMoved();
    });
    this.#rfb.on('resized', (width, height) => {
      this.emit('resized', width, height);
      this.#settle();
      this.#tellMoved();
    });
    this.#rfb.on('whole', () => this.#becomeWhole('rfb'));
    this.#rfb.on('damaged', (damage) => {
      if (this.#from !== 'memory') this.emit('damaged', damage);
    });
    this.#rfb.on('stirred', () => this.#memory?.expect());
    this.#rfb.on('cursor', (cursor) => {
      this.#memory?.expect();
      this.emit('cursor', cursor);
    });
    this.#rfb.on('clipboard', (text) => this.emit('clipboard', text));
    this.#rfb.on('lost', (error, final) => {
      this.#attached = false;
      this.#from = null;
      this.#wait(false);
      // Another server has its picture elsewhere.
      this.#memory?.show(null);
      this.emit('lost', error, final);
    });
  }

  get width(): number {
    return this.#rfb.width;
  }

  get height(): number {
    return this.#rfb.height;
  }

  get pixels(): Buffer {
    return this.#from === 'memory' && this.#memory !== null ? this.#memory.pixels : this.#rfb.pixels;
  }

  /** The reader has this picture; null: none. */
  show(memory: MemoryPicture, of: MemoryPictureOf | null): void {
    if (this.#memory === null) this.#use(memory);
    memory.show(of);
    if (this.#attached) this.#settle();
    else this.#rfb.wantPixels(memory.of === null);
  }

  watch(watched: boolean): void {
    this.#watched = watched;
    this.#rfb.watch(watched);
    this.#memory?.watch(watched);
  }

  pointer(x: number, y: number, mask: number): void {
    this.#rfb.pointer(x, y, mask);
    this.#memory?.expect();
  }

  key(keysym: number, pressed: boolean): void {
    this.#rfb.key(keysym, pressed);
    this.#memory?.expect();
  }

  text(text: string): void {
    this.#rfb.text(text);
    this.#memory?.expect();
  }

  clipboard(text: string): void {
    this.#rfb.clipboard(text);
  }

  resize(width: number, height: number): void {
    this.#rfb.resize(width, height);
  }

  close(): void {
    this.#wait(false);
    this.#memory?.removeAllListeners();
    this.#rfb.close();
  }

  #use(memory: MemoryPicture): void {
    this.#memory = memory;
    this.#rfb.wantPixels(memory.of === null);
    memory.watch(this.#watched);
    memory.on('whole', () => {
      if (this.#fits()) this.#becomeWhole('memory');
    });
    memory.on('damaged', (damage) => {
      if (this.#from === 'memory') this.emit('damaged', damage);
    });
    memory.on('lost', () => {
      if (this.#attached) this.#settle();
      else this.#rfb.wantPixels(true);
    });
  }

  /** Is what the reader has this desktop's picture? */
  #fits(): boolean {
    const of = this.#memory?.of ?? null;
    return this.#attached && of !== null && of.width === this.width && of.height === this.height;
  }

  /** After whatever may have changed where the picture is. */
  #settle(): void {
    if (this.#fits()) {
      this.#rfb.wantPixels(false);
      if (this.#memory?.isWhole === true) this.#becomeWhole('memory');
      else this.#wait(true);
      return;
    }
    this.#wait(false);
    if (this.#from === 'memory') this.#from = null;
    this.#rfb.wantPixels(true);
  }

  /** Only what the server did: a reader that has nothing to show is not asked for it again and again. */
  #tellMoved(): void {
    if (this.#memory?.isLost === false && !this.#fits()) this.emit('moved', this.width, this.height);
  }

  #becomeWhole(from: 'memory' | 'rfb'): void {
    // What was on its way when the memory took over.
    if (from === 'rfb' && this.#from === 'memory') return;
    this.#wait(false);
    if (from === 'memory') this.#rfb.wantPixels(false);
    if (this.#from !== from) {
      this.#from = from;
      this.emit('from', from);
    }
    this.emit('whole');
  }

  #wait(forMemory: boolean): void {
    if (this.#patience !== null) clearTimeout(this.#patience);
    this.#patience = forMemory ? setTimeout(() => this.#rfb.wantPixels(true), PATIENCE) : null;
  }
}
