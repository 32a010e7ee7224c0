import type { InputMessage, PointerMove } from '@browser-vm/protocol';
import { type Box, type Point, type Size, toDesktop } from './geometry.ts';
import type { ModifierState } from './pressed-keys.ts';
import { LONG_PRESS_MS, type TouchAction, TouchGesture } from './touch.ts';
import { addWheel, type WheelDelta, wheelPixels } from './wheel.ts';

type Button = Extract<InputMessage, { type: 'button' }>['button'];

/** By `PointerEvent.button`. */
const BUTTONS: readonly Button[] = ['left', 'middle', 'right', 'back', 'forward'];

export interface PointerSink {
  readonly move: (move: PointerMove) => void;
  readonly send: (message: InputMessage) => void;
  /** Size of the desktop, in its own pixels. */
  readonly desktop: () => Size;
  /** The modifiers seen on an event, so that a missed key-up is noticed. */
  readonly modifiers: (state: ModifierState) => void;
}

/** Mouse, pen, wheel and touch on `surface`. Moves and wheel are sent at most once per animation frame. */
export class PointerInput {
  readonly #surface: HTMLElement;
  readonly #sink: PointerSink;
  readonly #abort = new AbortController();
  readonly #held = new Set<Button>();
  #last: Point = { x: 0, y: 0 };
  #sequence = 0;
  #moved = false;
  #wheel: WheelDelta | null = null;
  #frame = 0;
  #touch: {
    readonly id: number;
    readonly gesture: TouchGesture;
    readonly timer: ReturnType<typeof setTimeout>;
  } | null = null;

  constructor(surface: HTMLElement, sink: PointerSink) {
    this.#surface = surface;
    this.#sink = sink;
    const { signal } = this.#abort;
    surface.addEventListener('pointermove', (event) => this.#onMove(event), { signal });
    surface.addEventListener('pointerdown', (event) => this.#onButtons(event), { signal });
    surface.addEventListener('pointerup', (event) => this.#onButtons(event), { signal });
    surface.addEventListener('pointercancel', (event) => this.#onCancel(event), { signal });
    surface.addEventListener('wheel', (event) => this.#onWheel(event), { signal, passive: false });
    surface.addEventListener('contextmenu', (event) => event.preventDefault(), { signal });
    // The middle button would scroll or paste here, the side buttons would leave the page.
    surface.addEventListener('mousedown', (event) => event.preventDefault(), { signal });
    surface.addEventListener('auxclick', (event) => event.preventDefault(), { signal });
  }

  /** Releases every button that is down. */
  releaseAll(): void {
    for (const button of this.#held)
      this.#sink.send({ type: 'button', button, pressed: false, ...this.#last });
    this.#held.clear();
  }

  close(): void {
    this.#abort.abort();
    cancelAnimationFrame(this.#frame);
    this.#endTouch();
    this.releaseAll();
  }

  #onMove(event: PointerEvent): void {
    if (event.pointerType === 'touch') {
      if (this.#touch?.id === event.pointerId) this.#act(this.#touch.gesture.move(clientPoint(event)));
      return;
    }
    this.#point(event);
    // A second button pressed or released while one is down arrives as a move.
    if (event.button >= 0) {
      this.#onButton(event);
    } else {
      this.#moved = true;
      this.#schedule();
    }
  }

  #onButtons(event: PointerEvent): void {
    event.preventDefault();
    this.#sink.modifiers(modifiersOf(event));
    if (event.pointerType === 'touch') this.#onTouch(event);
    else this.#onButton(event);
  }

  #onButton(event: PointerEvent): void {
    this.#point(event);
    const button = BUTTONS[event.button];
    if (button === undefined) return;
    const pressed = (event.buttons & maskOf(button)) !== 0;
    if (pressed === this.#held.has(button)) return;
    if (pressed) {
      this.#held.add(button);
      this.#surface.setPointerCapture(event.pointerId);
    } else {
      this.#held.delete(button);
    }
    this.#button(button, pressed);
  }

  #onTouch(event: PointerEvent): void {
    if (event.type === 'pointerup') {
      if (this.#touch?.id !== event.pointerId) return;
      const action = this.#touch.gesture.end();
      this.#endTouch();
      this.#act(action);
      return;
    }
    if (event.type !== 'pointerdown' || this.#touch !== null) return;
    const gesture = new TouchGesture(clientPoint(event));
    const timer = setTimeout(() => this.#act(gesture.hold()), LONG_PRESS_MS);
    this.#touch = { id: event.pointerId, gesture, timer };
    this.#surface.setPointerCapture(event.pointerId);
  }

  #onCancel(event: PointerEvent): void {
    if (this.#touch?.id === event.pointerId) this.#endTouch();
    if (event.pointerType !== 'touch') this.releaseAll();
  }

  #onWheel(event: WheelEvent): void {
    event.preventDefault();
    this.#sink.modifiers(modifiersOf(event));
    this.#point(event);
    this.#scroll(wheelPixels(event.deltaX, event.deltaY, event.deltaMode, this.#sink.desktop().height));
  }

  #act(action: TouchAction | null): void {
    if (action === null) return;
    this.#last = toDesktop(action.at, this.#box(), this.#sink.desktop());
    if (action.type === 'scroll') {
      // A finger moves the picture's pixels, not the page's.
      const scale = this.#sink.desktop().width / Math.max(1, this.#box().width);
      this.#scroll({ deltaX: action.deltaX * scale, deltaY: action.deltaY * scale });
    } else {
      this.#button(action.button, true);
      this.#button(action.button, false);
    }
  }

  #button(button: Button, pressed: boolean): void {
    this.#moved = false;
    this.#sink.send({ type: 'button', button, pressed, ...this.#last });
  }

  #scroll(delta: WheelDelta): void {
    this.#wheel = this.#wheel === null ? delta : addWheel(this.#wheel, delta);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#flush());
  }

  #flush(): void {
    this.#frame = 0;
    if (this.#moved) this.#sink.move({ type: 'move', ...this.#last, sequence: this.#sequence++ });
    this.#moved = false;
    if (this.#wheel !== null) this.#sink.send({ type: 'wheel', ...this.#last, ...this.#wheel });
    this.#wheel = null;
  }

  #point(event: MouseEvent): void {
    this.#last = toDesktop(clientPoint(event), this.#box(), this.#sink.desktop());
  }

  #box(): Box {
    return this.#surface.getBoundingClientRect();
  }

  #endTouch(): void {
    if (this.#touch === null) return;
    clearTimeout(this.#touch.timer);
    this.#touch.gesture.cancel();
    this.#touch = null;
  }
}

/** Bit of a button in `MouseEvent.buttons`, whose order differs from `button`'s. */
function maskOf(button: Button): number {
  return { left: 1, right: 2, middle: 4, back: 8, forward: 16 }[button];
}

function clientPoint(event: MouseEvent): Point {
  return { x: event.clientX, y: event.clientY };
}

function modifiersOf(event: MouseEvent): ModifierState {
  return { shift: event.shiftKey, control: event.ctrlKey, alt: event.altKey, meta: event.metaKey };
}
