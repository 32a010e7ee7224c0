import type { InputMessage, PointerMove } from '@browser-vm/protocol';
import { onPaste } from '../clipboard/clipboard.ts';
import type { Surface } from '../surface.ts';
import type { Size } from './geometry.ts';
import { KeyboardInput } from './keyboard.ts';
import { PointerInput } from './pointer.ts';
import { sideButtonsAsKeys } from './side-buttons.ts';
import type { TouchMode } from './touch.ts';

export interface InputSink {
  readonly move: (move: PointerMove) => void;
  readonly send: (message: InputMessage) => void;
  /** Puts a PNG on the guest's clipboard; false when it is not there. */
  readonly image: (png: Blob) => Promise<boolean>;
  readonly desktop: () => Size;
}

/** Keyboard, pointer and paste of one surface, for as long as one transport carries them. */
export class DesktopInput {
  readonly #keyboard: KeyboardInput;
  readonly #pointer: PointerInput | null;
  readonly #abort = new AbortController();
  readonly #paste: (copied: string | Blob) => Promise<void>;
  readonly #stopPaste: () => void;

  /** Without `pointer` the surface's pointer is someone else's. */
  constructor(surface: Surface, sink: InputSink, options: { pointer: boolean; touchMode: TouchMode }) {
    this.#keyboard = new KeyboardInput(surface.sink, sink.send);
    this.#pointer = options.pointer
      ? new PointerInput(
          surface.root,
          { ...sink, modifiers: (state) => this.#keyboard.reconcile(state) },
          { mode: options.touchMode, pointer: surface.pointer },
        )
      : null;
    const { signal } = this.#abort;
    this.#paste = async (copied) => {
      if (typeof copied === 'string') sink.send({ type: 'clipboard', text: copied });
      else if (!(await sink.image(copied)) || signal.aborted) return;
      this.#keyboard.paste();
    };
    this.#stopPaste = onPaste(surface.sink, (copied) => void this.#paste(copied));
    if (!options.pointer) {
      const stop = sideButtonsAsKeys(surface.root, (keysym, pressed) =>
        sink.send({ type: 'key', keysym, code: '', pressed }),
      );
      signal.addEventListener('abort', stop, { once: true });
    }
    const focus = (event: PointerEvent) => {
      // Where an input method shows what is being composed.
      const { left, top } = surface.root.getBoundingClientRect();
      surface.sink.style.left = `${Math.max(0, event.clientX - left)}px`;
      surface.sink.style.top = `${Math.max(0, event.clientY - top)}px`;
      surface.sink.focus({ preventScroll: true });
    };
    surface.root.addEventListener('pointerdown', focus, { signal, capture: true });
    // What is pressed on, such as noVNC's canvas, would take the focus.
    surface.root.addEventListener('mousedown', (event) => event.preventDefault(), { signal });
    const release = () => this.releaseAll();
    window.addEventListener('blur', release, { signal });
    window.addEventListener('pagehide', release, { signal });
    document.addEventListener('visibilitychange', release, { signal });
  }

  set touchMode(mode: TouchMode) {
    if (this.#pointer !== null) this.#pointer.touchMode = mode;
  }

  /** Puts text or a PNG on the guest's clipboard and pastes it there. */
  paste(copied: string | Blob): void {
    void this.#paste(copied);
  }

  /** No key and no button stays down in the guest. */
  releaseAll(): void {
    this.#pointer?.releaseAll();
    this.#keyboard.releaseAll();
  }

  close(): void {
    this.#abort.abort();
    this.#stopPaste();
    this.#pointer?.close();
    this.#keyboard.close();
  }
}
