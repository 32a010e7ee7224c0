import type { InputTarget } from '../picture-source.ts';

/** Kept back at most; a person's input of many seconds. The oldest go first, so no press loses its release. */
const MAX_HELD = 4096;

type Held =
  | { readonly type: 'pointer'; readonly x: number; readonly y: number; readonly mask: number }
  | { readonly type: 'key'; readonly keysym: number; readonly pressed: boolean }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'clipboard'; readonly text: string }
  | { readonly type: 'resize'; readonly width: number; readonly height: number };

/** Lets input through, or keeps it, in order, for a desktop that stands still. */
export class InputGate implements InputTarget {
  readonly #target: InputTarget;
  readonly #onInput: () => void;
  #held: Held[] | null = null;

  /** `onInput`: at each input, before it goes on or is kept. */
  constructor(target: InputTarget, onInput: () => void) {
    this.#target = target;
    this.#onInput = onInput;
  }

  get isClosed(): boolean {
    return this.#held !== null;
  }

  hold(): void {
    this.#held ??= [];
  }

  /** What was kept goes first. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const input of held) this.#pass(input);
  }

  pointer(x: number, y: number, mask: number): void {
    this.#take({ type: 'pointer', x, y, mask });
  }

  key(keysym: number, pressed: boolean): void {
    this.#take({ type: 'key', keysym, pressed });
  }

  text(text: string): void {
    this.#take({ type: 'text', text });
  }

  clipboard(text: string): void {
    this.#take({ type: 'clipboard', text });
  }

  resize(width: number, height: number): void {
    this.#take({ type: 'resize', width, height });
  }

  #take(input: Held): void {
    this.#onInput();
    if (this.#held === null) {
      this.#pass(input);
      return;
    }
    const last = this.#held.at(-1);
    // On the way, only where a pointer stopped matters; and of texts and sizes, the last.
    if (input.type === 'pointer' && last?.type === 'pointer' && last.mask === input.mask) this.#held.pop();
    if (input.type === 'clipboard' || input.type === 'resize') {
      this.#held = this.#held.filter(({ type }) => type !== input.type);
    }
    if (this.#held.length >= MAX_HELD) this.#held.shift();
    this.#held.push(input);
  }

  #pass(input: Held): void {
    if (input.type === 'pointer') this.#target.pointer(input.x, input.y, input.mask);
    else if (input.type === 'key') this.#target.key(input.keysym, input.pressed);
    else if (input.type === 'text') this.#target.text(input.text);
    else if (input.type === 'clipboard') this.#target.clipboard(input.text);
    else this.#target.resize(input.width, input.height);
  }
}
