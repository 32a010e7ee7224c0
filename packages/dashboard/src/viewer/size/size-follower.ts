import type { Size } from '../input/geometry.ts';
import { wantedSize } from './wanted-size.ts';

/** A window that is being dragged has no size yet. Milliseconds. */
const SETTLE_MS = 250;

export interface SizeFollowerOptions {
  readonly box: HTMLElement;
  readonly maxDensity: number | undefined;
  /** May the size be asked for now? */
  readonly allowed: () => boolean;
  readonly desktop: () => Size;
  readonly ask: (size: Size) => void;
}

/** Asks for a desktop of the size of a box, whenever that has settled; or for none while it does not follow. */
export class SizeFollower {
  readonly #options: SizeFollowerOptions;
  readonly #observer: ResizeObserver;
  readonly #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #fixed: Size | null;
  #asked: Size | null = null;

  /** `fixed`: the size of a desktop that does not follow; null: it follows. */
  constructor(options: SizeFollowerOptions, fixed: Size | null) {
    this.#options = options;
    this.#fixed = fixed;
    this.#observer = new ResizeObserver(() => this.#later());
    this.#observer.observe(options.box);
    this.#watchPixelRatio();
  }

  get follows(): boolean {
    return this.#fixed === null;
  }

  /** Follows from now on (null), or keeps that size. */
  keep(fixed: Size | null): void {
    this.#fixed = fixed;
    this.again();
  }

  /** Asks anew, though the same was asked for before: another desktop is there, or this viewer may now. */
  again(): void {
    this.#asked = null;
    this.#later();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#observer.disconnect();
    this.#abort.abort();
  }

  #later(): void {
    clearTimeout(this.#timer);
    if (!this.#abort.signal.aborted) this.#timer = setTimeout(() => this.#ask(), SETTLE_MS);
  }

  #ask(): void {
    const { box, maxDensity, allowed, desktop, ask } = this.#options;
    if (!allowed()) return;
    const { width, height } = box.getBoundingClientRect();
    const wanted = this.#fixed ?? wantedSize({ width, height }, devicePixelRatio, maxDensity);
    // A server that refused would refuse again.
    if (wanted === null || same(wanted, this.#asked)) return;
    this.#asked = wanted;
    if (!same(wanted, desktop())) ask(wanted);
  }

  /** Another zoom, or a window that moved to another screen. Each query tells of the next change alone. */
  #watchPixelRatio(): void {
    const changed = () => {
      this.#later();
      this.#watchPixelRatio();
    };
    const { signal } = this.#abort;
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener('change', changed, {
      once: true,
      signal,
    });
  }
}

function same(a: Size, b: Size | null): boolean {
  return a.width === b?.width && a.height === b?.height;
}
