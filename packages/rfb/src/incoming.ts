import { RfbError } from './errors.ts';

/** Takes bytes as they arrive, without their being gathered first. */
export interface Sink {
  readonly length: number;
  write(chunk: Buffer): void;
}

/**
 * A parser as a generator: it yields how many bytes it wants and is resumed with exactly those (a view
 * that is valid until the next yield), or yields a sink and is resumed when the sink had its length.
 * Whoever yields a number has bounded it.
 */
export type Parse<T> = Generator<number | Sink, T, Buffer>;

const NOTHING = Buffer.alloc(0);
const SCRATCH = 4096;

/** Feeds a parser from chunks of any size. Chunks are never joined; only a split want is copied. */
export class Incoming {
  readonly #parser: Parse<void>;
  readonly #small = Buffer.allocUnsafe(SCRATCH);
  #gathered = NOTHING;
  #held = 0;
  #want: number | Sink = 0;
  #started = false;

  constructor(parser: Parse<void>) {
    this.#parser = parser;
  }

  /** Throws what the parser throws; then it must not be called again. */
  push(chunk: Buffer): void {
    if (!this.#started) {
      this.#started = true;
      this.#resume(NOTHING);
    }
    let at = 0;
    while (at < chunk.length) {
      const want = this.#want;
      const room = chunk.length - at;
      if (typeof want !== 'number') {
        const take = Math.min(room, want.length - this.#held);
        want.write(chunk.subarray(at, at + take));
        at += take;
        this.#held += take;
        if (this.#held === want.length) this.#resume(NOTHING);
      } else if (this.#held === 0 && room >= want) {
        const view = chunk.subarray(at, at + want);
        at += want;
        this.#resume(view);
      } else {
        if (this.#held === 0) this.#gathered = want <= SCRATCH ? this.#small : Buffer.allocUnsafe(want);
        const take = Math.min(room, want - this.#held);
        chunk.copy(this.#gathered, this.#held, at, at + take);
        at += take;
        this.#held += take;
        if (this.#held === want) this.#resume(this.#gathered.subarray(0, want));
      }
    }
  }

  /** Runs the parser to its next want that is not empty. */
  #resume(bytes: Buffer): void {
    let given = bytes;
    for (;;) {
      this.#held = 0;
      const step = this.#parser.next(given);
      if (step.done === true) throw new RfbError('protocol', 'bytes after the end of the conversation');
      this.#want = step.value;
      if ((typeof step.value === 'number' ? step.value : step.value.length) > 0) return;
      given = NOTHING;
    }
  }
}
