import type { InputTarget } from '../picture-source.ts';

/** More keys than any keyboard reports at once are not held. */
const MAX_HELD = 64;

/** One viewer's keys. What was pressed is what is released, whatever the modifiers became meanwhile. */
export class Keyboard {
  readonly #target: InputTarget;
  readonly #held = new Map<string, number>();

  constructor(target: InputTarget) {
    this.#target = target;
  }

  key(keysym: number, code: string, pressed: boolean): void {
    const physical = code === '' ? `keysym ${keysym}` : code;
    const held = this.#held.get(physical);
    if (pressed) {
      // The same key with another keysym (layout switched while held): the first one is let go.
      if (held !== undefined && held !== keysym) this.#target.key(held, false);
      if (held === undefined && this.#held.size >= MAX_HELD) return;
      this.#held.set(physical, keysym);
      this.#target.key(keysym, true);
    } else {
      this.#held.delete(physical);
      this.#target.key(held ?? keysym, false);
    }
  }

  releaseAll(): void {
    for (const keysym of this.#held.values()) this.#target.key(keysym, false);
    this.#held.clear();
  }
}
