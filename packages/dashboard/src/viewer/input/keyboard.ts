import { type InputMessage, PASTE_KEYS } from '@browser-vm/protocol';
import { characterKeysym, XK } from './keysym.ts';
import { isMac, macChord, macModifier } from './mac.ts';
import { createKeyboard, type NoVncKeyboard } from './novnc.ts';
import { type ModifierState, type PressedKey, PressedKeys } from './pressed-keys.ts';
import { isPaste, shortcutCharacter } from './shortcuts.ts';
import { inParts, isTypeable } from './text.ts';

const CONTROLS: ReadonlySet<number> = new Set([XK.controlLeft, XK.controlRight]);
const SHIFTS: ReadonlySet<number> = new Set([XK.shiftLeft, XK.shiftRight]);
/** Caps Lock and Num Lock act here: what comes of them is what is sent. There they would stay on for others. */
const LOCKS: ReadonlySet<number> = new Set([0xffe5, 0xff7f]);
/** `KeyboardEvent.key` of keys that belong to an input method or begin a composition. */
const COMPOSING_KEYS: ReadonlySet<string> = new Set(['Process', 'Dead', 'Compose']);
/** Bound of the protocol. Characters. */
const MAX_CODE = 32;

/**
 * Turns what happens on `sink`, a focused text area, into key messages. Keys that mean characters of an
 * input method or of an on-screen keyboard arrive as text and are typed as such.
 */
export class KeyboardInput {
  readonly #sink: HTMLTextAreaElement;
  readonly #send: (message: InputMessage) => void;
  readonly #keyboard: NoVncKeyboard;
  readonly #pressed = new PressedKeys();
  readonly #abort = new AbortController();
  /** Of noVNC's keyboard we hear what it makes of this one. */
  #event: KeyboardEvent | null = null;

  constructor(sink: HTMLTextAreaElement, send: (message: InputMessage) => void) {
    this.#sink = sink;
    this.#send = send;
    const options = { signal: this.#abort.signal, capture: true };
    // Registered before noVNC's own listeners, which are on the same element.
    sink.addEventListener('keydown', (event) => this.#before(event), options);
    sink.addEventListener('input', (event) => this.#typed(event as InputEvent), options);
    sink.addEventListener('compositionend', (event) => this.#composed(event), options);
    sink.addEventListener('blur', () => this.releaseAll(), options);
    this.#keyboard = createKeyboard(sink);
    this.#keyboard.onkeyevent = (keysym, code, pressed) => this.#key(keysym, code, pressed);
    this.#keyboard.grab();
  }

  /** Presses and releases one key. */
  tap(keysym: number, code = ''): void {
    this.#send({ type: 'key', keysym, code, pressed: true });
    this.#send({ type: 'key', keysym, code, pressed: false });
  }

  /** Types text: by a key for each character where it can, otherwise as a whole. */
  type(text: string): void {
    if (isTypeable(text)) {
      for (const character of text) {
        this.tap(SPECIAL[character] ?? characterKeysym(character));
      }
      return;
    }
    this.#let(() => true);
    for (const part of inParts(text)) this.#send({ type: 'text', text: part });
  }

  /** Presses the guest's paste shortcut, which is Control and V whatever this person's is. */
  paste(): void {
    this.#let(({ keysym }) => !CONTROLS.has(keysym));
    const held = this.#pressed.held.length > 0;
    const keys = held ? PASTE_KEYS.slice(1) : PASTE_KEYS;
    for (const key of keys) this.#send({ type: 'key', ...key, pressed: true });
    for (const key of keys.toReversed()) this.#send({ type: 'key', ...key, pressed: false });
  }

  /** Releases modifiers whose key-up went elsewhere, as seen on any other event. */
  reconcile(modifiers: ModifierState): void {
    for (const key of this.#pressed.releaseStale(modifiers)) {
      this.#send({ type: 'key', keysym: key.keysym, code: key.code, pressed: false });
    }
  }

  /** No key stays down: focus is lost, the page is hidden, the viewer closes. */
  releaseAll(): void {
    this.#keyboard.ungrab();
    this.#let(() => true);
    this.#send({ type: 'release_all' });
    if (!this.#abort.signal.aborted) this.#keyboard.grab();
  }

  close(): void {
    this.#abort.abort();
    this.releaseAll();
  }

  #before(event: KeyboardEvent): void {
    this.#event = event;
    this.reconcile(modifiersAfter(event));
    // Left to the browser: text being composed, and the paste shortcut, which must become a paste event.
    if (event.isComposing || event.keyCode === 229 || COMPOSING_KEYS.has(event.key) || isPaste(event)) {
      event.stopImmediatePropagation();
      return;
    }
    const chord = isMac() ? macChord(event) : null;
    if (chord === null) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.#chord(chord);
  }

  #key(keysym: number | null, code: string, pressed: boolean): void {
    if (!pressed) {
      const down = this.#pressed.release(code);
      if (down !== null)
        this.#send({ type: 'key', keysym: down, code: code.slice(0, MAX_CODE), pressed: false });
      return;
    }
    const event = this.#eventOf(code);
    const typed = event === null ? null : foreignCharacter(event);
    if (typed !== null) {
      this.type(typed);
      return;
    }
    const meant = this.#meant(keysym, code);
    if (meant === null || LOCKS.has(meant)) return;
    this.#press({ code, keysym: meant });
  }

  /** The keysym to press: noVNC's, but for shortcuts and for a Mac's Command key. */
  #meant(keysym: number | null, code: string): number | null {
    const event = this.#eventOf(code);
    if (event === null || keysym === null) return keysym;
    if (isMac()) {
      const modifier = macModifier(code);
      if (modifier !== null) return modifier;
      // Option is how a Mac types its third and fourth level.
      if (event.altKey) return typedKeysym(event, keysym);
    }
    const character = shortcutCharacter(event);
    return character === null ? typedKeysym(event, keysym) : characterKeysym(character);
  }

  /** The event that noVNC makes a key of. One without a code, such as of a software keyboard, is given one there. */
  #eventOf(code: string): KeyboardEvent | null {
    return this.#event?.code === code || this.#event?.code === '' ? this.#event : null;
  }

  #press({ code, keysym }: PressedKey): void {
    this.#pressed.press(code, keysym);
    this.#send({ type: 'key', keysym, code: code.slice(0, MAX_CODE), pressed: true });
  }

  /** Lets go of those keys that are down. */
  #let(go: (key: PressedKey) => boolean): readonly PressedKey[] {
    const keys = this.#pressed.held.filter(go);
    for (const { code, keysym } of keys) {
      this.#pressed.release(code);
      this.#send({ type: 'key', keysym, code: code.slice(0, MAX_CODE), pressed: false });
    }
    return keys;
  }

  /** Presses keys together, whatever else is held but Shift. */
  #chord(keysyms: readonly number[]): void {
    const lifted = this.#let(({ keysym }) => !SHIFTS.has(keysym));
    for (const keysym of keysyms) this.#send({ type: 'key', keysym, code: '', pressed: true });
    for (const keysym of keysyms.toReversed()) this.#send({ type: 'key', keysym, code: '', pressed: false });
    for (const key of lifted) this.#press(key);
  }

  #typed(event: InputEvent): void {
    if (event.isComposing) return;
    const { inputType, data } = event;
    if (inputType === 'deleteContentBackward') this.tap(XK.backspace, 'Backspace');
    else if (inputType === 'deleteWordBackward') this.#chord([XK.controlLeft, XK.backspace]);
    else if (inputType === 'insertLineBreak' || inputType === 'insertParagraph') this.tap(XK.return, 'Enter');
    else if ((inputType === 'insertText' || inputType === 'insertReplacementText') && data) this.type(data);
    this.#empty();
  }

  #composed(event: CompositionEvent): void {
    this.type(event.data);
    this.#empty();
  }

  /** Nothing stays but what an on-screen keyboard can delete: without it, its deleting would tell us nothing. */
  #empty(): void {
    this.#sink.value = this.#sink.inputMode === 'text' ? ON_SCREEN : '';
  }
}

const SPECIAL: Readonly<Record<string, number>> = { '\n': XK.return, '\t': XK.tab };
/** One space that no line is broken at. */
export const ON_SCREEN = '\u00a0';

/** What a key writes that the guest's keyboard has no key for; null where there is one, or it is a shortcut. */
function foreignCharacter(event: KeyboardEvent): string | null {
  const shortcut = event.ctrlKey || event.metaKey || event.altKey;
  if (shortcut && !event.getModifierState('AltGraph')) return null;
  return [...event.key].length === 1 && !isTypeable(event.key) ? event.key : null;
}

/** noVNC's keysym of a key that is no character, such as an arrow or one of the keypad. */
function typedKeysym({ key, location }: KeyboardEvent, keysym: number): number {
  const isCharacter = [...key].length === 1 && location === 0;
  return isCharacter ? characterKeysym(key) : keysym;
}

/** The event's modifiers; a modifier's own key-down counts as down. */
function modifiersAfter(event: KeyboardEvent): ModifierState {
  return {
    shift: event.shiftKey || event.key === 'Shift',
    control: event.ctrlKey || event.key === 'Control',
    alt: event.altKey || event.key === 'Alt',
    meta: event.metaKey || event.key === 'Meta',
  };
}
