import type { InputMessage } from '@browser-vm/protocol';
import { createKeyboard, keysymOf, type NoVncKeyboard } from './novnc.ts';
import { type ModifierState, PressedKeys } from './pressed-keys.ts';

/** X11 keysyms of keys that text input stands for. */
const XK_BACKSPACE = 0xff08;
const XK_RETURN = 0xff0d;
const XK_CONTROL_L = 0xffe3;
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

  /** Types text, character by character. */
  type(text: string): void {
    for (const character of text) {
      this.tap(character === '\n' ? XK_RETURN : keysymOf(character.codePointAt(0) ?? 0));
    }
  }

  /** Presses the guest's paste shortcut, which is Control and V whatever this person's is. */
  paste(): void {
    const held = this.#pressed.isDown('ControlLeft') || this.#pressed.isDown('ControlRight');
    const control = { type: 'key', keysym: XK_CONTROL_L, code: 'ControlLeft' } as const;
    if (!held) {
      this.reconcile({ shift: false, control: false, alt: false, meta: false });
      this.#send({ ...control, pressed: true });
    }
    this.tap(keysymOf(0x76), 'KeyV');
    if (!held) this.#send({ ...control, pressed: false });
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
    this.#pressed.releaseAll();
    this.#send({ type: 'release_all' });
    if (!this.#abort.signal.aborted) this.#keyboard.grab();
  }

  close(): void {
    this.#abort.abort();
    this.releaseAll();
  }

  #before(event: KeyboardEvent): void {
    this.reconcile(modifiersAfter(event));
    // Left to the browser: text being composed, and the paste shortcut, which must become a paste event.
    if (event.isComposing || event.keyCode === 229 || COMPOSING_KEYS.has(event.key) || isPaste(event)) {
      event.stopImmediatePropagation();
    }
  }

  #key(keysym: number | null, code: string, pressed: boolean): void {
    if (!pressed) {
      const down = this.#pressed.release(code);
      if (down !== null)
        this.#send({ type: 'key', keysym: down, code: code.slice(0, MAX_CODE), pressed: false });
      return;
    }
    if (keysym === null) return;
    this.#pressed.press(code, keysym);
    this.#send({ type: 'key', keysym, code: code.slice(0, MAX_CODE), pressed: true });
  }

  #typed(event: InputEvent): void {
    if (event.isComposing) return;
    if (event.inputType === 'deleteContentBackward') this.tap(XK_BACKSPACE, 'Backspace');
    else if (event.inputType === 'insertLineBreak') this.tap(XK_RETURN, 'Enter');
    else if (event.inputType === 'insertText' && event.data !== null) this.type(event.data);
    this.#sink.value = '';
  }

  #composed(event: CompositionEvent): void {
    this.type(event.data);
    this.#sink.value = '';
  }
}

export function isPaste(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>): boolean {
  return (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'v';
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
