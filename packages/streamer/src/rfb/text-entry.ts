import { PASTE_KEYS } from '@browser-vm/protocol';

/** What text entry needs of the desktop. */
export interface TextDesktop {
  key(keysym: number, pressed: boolean): void;
  clipboard(text: string): void;
}

/** A program under emulation takes a while to ask for what it pastes; one that does not paste never asks. Milliseconds. */
const TAKEN_MS = 2_000;
/** A program may ask more than once for one paste; then the next one may begin. Milliseconds. */
const QUIET_MS = 400;
/** Then the clipboard is given back: late, as a busy program that asks again would paste what it is given. Milliseconds. */
const RESTORE_MS = 1_500;
/** Kept while a paste is under way: seconds of a person's input. What is more is dropped. */
const MAX_WAITING = 1024;
/** Of one paste. UTF-16 units. */
const MAX_TEXT = 10_000;

/**
 * Types text that the desktop's keyboard has no keys for: by its clipboard and its paste key. What follows waits
 * until the text was taken, and then the clipboard has again what it had before.
 */
export class TextEntry {
  readonly #desktop: TextDesktop;
  readonly #waiting: ((() => void) | { text: string })[] = [];
  #timer: NodeJS.Timeout | null = null;
  #restore: NodeJS.Timeout | null = null;
  /** When the desktop last asked for a text. By `performance.now()`. */
  #askedAt = Number.NEGATIVE_INFINITY;
  #clipboard: string | null = null;
  /** What is pasted when nothing asks for the text before it any more. */
  #next: string | null = null;

  constructor(desktop: TextDesktop) {
    this.#desktop = desktop;
  }

  /** Does it now, or in its turn. */
  run(input: () => void): void {
    if (this.#timer === null) input();
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(input);
  }

  /** What follows each other while a paste is under way is one paste. */
  type(text: string): void {
    const last = this.#waiting.at(-1);
    if (this.#timer === null) this.#paste(text);
    else if (typeof last === 'object' && last.text.length + text.length <= MAX_TEXT) last.text += text;
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ text });
  }

  /** What a person or a program put on the clipboard; to be there again after a paste. */
  remember(text: string): void {
    this.#clipboard = text;
    this.#cancelRestore();
  }

  /** The desktop took what was last put on its clipboard. */
  taken(): void {
    if (this.#next !== null) {
      this.#pasteLater(this.#next);
      return;
    }
    if (this.#timer === null && this.#restore === null) return;
    this.#askedAt = performance.now();
    this.#restoreLater();
    if (this.#timer !== null) this.#continue();
  }

  /** The desktop is gone, and what waited for it. */
  close(): void {
    this.#waiting.length = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#next = null;
    this.#cancelRestore();
  }

  #paste(text: string): void {
    // A late request for the text before would count as one for this text, which the next would then replace.
    if (performance.now() - this.#askedAt < QUIET_MS) {
      this.#pasteLater(text);
      return;
    }
    this.#cancelRestore();
    this.#desktop.clipboard(text);
    for (const { keysym } of PASTE_KEYS) this.#desktop.key(keysym, true);
    for (const { keysym } of PASTE_KEYS.toReversed()) this.#desktop.key(keysym, false);
    this.#timer = setTimeout(() => this.#continue(), TAKEN_MS);
  }

  #pasteLater(text: string): void {
    this.#cancelRestore();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#next = text;
    this.#timer = setTimeout(() => {
      this.#next = null;
      this.#askedAt = Number.NEGATIVE_INFINITY;
      this.#paste(text);
    }, QUIET_MS);
  }

  #continue(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // Until the next paste begins.
    while (this.#timer === null) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (typeof next === 'object') this.#paste(next.text);
      else next();
    }
  }

  #restoreLater(): void {
    this.#cancelRestore();
    this.#restore = setTimeout(() => {
      this.#restore = null;
      this.#desktop.clipboard(this.#clipboard ?? '');
    }, RESTORE_MS);
  }

  #cancelRestore(): void {
    if (this.#restore !== null) clearTimeout(this.#restore);
    this.#restore = null;
  }
}
