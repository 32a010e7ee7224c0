import type { InputMessage, PointerMove } from '@browser-vm/protocol';
import { type Box, clamp, fittedBox, type Point, type Size, toDesktop, toSurface } from './geometry.ts';
import { XK } from './keysym.ts';
import type { ModifierState } from './pressed-keys.ts';
import { LONG_PRESS_MS, type TouchAction, TouchGestures, type TouchMode } from './touch.ts';
import { addWheel, WHEEL_STEP_PX, type WheelDelta, wheelPixels } from './wheel.ts';

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
  #touches: TouchGestures;
  #touchMode: TouchMode;
  #resting: ReturnType<typeof setTimeout> | undefined;
  /** What two fingers' pinch has not yet made a step of. */
  #zoom = 0;
  /** Where a trackpad's pointer is shown: a finger shows none. */
  readonly #pointer: SVGElement;

  constructor(surface: HTMLElement, sink: PointerSink, touch: { mode: TouchMode; pointer: SVGElement }) {
    this.#surface = surface;
    this.#sink = sink;
    this.#pointer = touch.pointer;
    this.#touchMode = touch.mode;
    this.#touches = new TouchGestures(touch.mode);
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

  /** What fingers mean from the next touch on. */
  set touchMode(mode: TouchMode) {
    this.#endTouch();
    this.#touchMode = mode;
    this.#touches = new TouchGestures(mode);
    this.#showPointer();
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
      this.#act(this.#touches.move(event.pointerId, clientPoint(event)));
      if (!this.#touches.rests) clearTimeout(this.#resting);
      return;
    }
    this.#pointer.style.display = 'none';
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
    if (pressed && !this.#held.has(button)) this.#surface.setPointerCapture(event.pointerId);
    this.#press(button, pressed);
  }

  #onTouch(event: PointerEvent): void {
    const { pointerId: id } = event;
    if (event.type === 'pointerdown') {
      this.#touches.down(id, clientPoint(event), event.timeStamp);
      // Where the finger that was touched left the page, its end is still heard.
      this.#surface.setPointerCapture(id);
    } else if (event.type === 'pointerup') {
      this.#act(this.#touches.up(id, event.timeStamp));
    }
    clearTimeout(this.#resting);
    if (this.#touches.rests) this.#resting = setTimeout(() => this.#act(this.#touches.hold()), LONG_PRESS_MS);
    this.#showPointer();
  }

  #onCancel(event: PointerEvent): void {
    if (event.pointerType === 'touch') this.#act(this.#touches.cancel(event.pointerId));
    else this.releaseAll();
    clearTimeout(this.#resting);
  }

  #onWheel(event: WheelEvent): void {
    event.preventDefault();
    this.#sink.modifiers(modifiersOf(event));
    this.#point(event);
    this.#scroll(wheelPixels(event.deltaX, event.deltaY, event.deltaMode, this.#sink.desktop().height));
  }

  #act(action: TouchAction | null): void {
    if (action === null) return;
    const desktop = this.#sink.desktop();
    // A finger moves the picture's pixels, not the page's.
    const scale = desktop.width / Math.max(1, fittedBox(this.#box(), desktop).width);
    if ('at' in action && this.#touchMode === 'direct')
      this.#last = toDesktop(action.at, this.#box(), desktop);
    switch (action.type) {
      case 'scroll':
        this.#scroll({ deltaX: action.deltaX * scale, deltaY: action.deltaY * scale });
        break;
      case 'zoom':
        this.#pinch(action.steps);
        break;
      case 'point':
        this.#last = {
          x: clamp(Math.round(this.#last.x + action.deltaX * scale), 0, desktop.width - 1),
          y: clamp(Math.round(this.#last.y + action.deltaY * scale), 0, desktop.height - 1),
        };
        this.#moved = true;
        this.#schedule();
        this.#showPointer();
        break;
      case 'drag':
        this.#press('left', action.pressed);
        break;
      case 'click':
        this.#button(action.button, true);
        this.#button(action.button, false);
    }
  }

  /** Browsers and most programs zoom by Control and the wheel, a step at a time. */
  #pinch(steps: number): void {
    this.#zoom += steps;
    const whole = Math.trunc(this.#zoom);
    if (whole === 0) return;
    this.#zoom -= whole;
    const control = { type: 'key', keysym: XK.controlLeft, code: 'ControlLeft' } as const;
    this.#sink.send({ ...control, pressed: true });
    this.#sink.send({ type: 'wheel', ...this.#last, deltaX: 0, deltaY: -whole * WHEEL_STEP_PX });
    this.#sink.send({ ...control, pressed: false });
  }

  #press(button: Button, pressed: boolean): void {
    if (pressed === this.#held.has(button)) return;
    if (pressed) this.#held.add(button);
    else this.#held.delete(button);
    this.#button(button, pressed);
  }

  #showPointer(): void {
    const shown = this.#touchMode === 'trackpad';
    this.#pointer.style.display = shown ? 'block' : 'none';
    if (!shown) return;
    const { x, y } = toSurface(this.#last, this.#box(), this.#sink.desktop());
    this.#pointer.style.transform = `translate(${x}px, ${y}px)`;
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
    clearTimeout(this.#resting);
    this.#press('left', false);
    this.#touches = new TouchGestures(this.#touchMode);
    this.#pointer.style.display = 'none';
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
