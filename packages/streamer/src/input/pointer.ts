import { type InputMessage, type PointerMove, SIDE_BUTTON_KEYSYMS } from '@browser-vm/protocol';
import type { InputTarget } from '../picture-source.ts';

type Button = Extract<InputMessage, { type: 'button' }>;
type Wheel = Extract<InputMessage, { type: 'wheel' }>;

const MASK = { left: 1, middle: 2, right: 4 } as const;
const WHEEL = { up: 8, down: 16, left: 32, right: 64 } as const;
/** How far Chromium scrolls at one step of an X wheel, measured. CSS pixels. */
const PIXELS_PER_STEP = 120;
/** Steps that one message may cause each way. */
const MAX_STEPS = 20;

/** One viewer's pointer: position, buttons, and what is left of the wheel's last step. */
export class Pointer {
  readonly #target: InputTarget;
  #x = 0;
  #y = 0;
  #mask = 0;
  #sequence = -1;
  /** Down now. */
  readonly #sideKeys = new Set<number>();
  #restX = 0;
  #restY = 0;

  constructor(target: InputTarget) {
    this.#target = target;
  }

  move(move: PointerMove): void {
    if (move.sequence <= this.#sequence) return;
    this.#sequence = move.sequence;
    this.#to(move.x, move.y);
  }

  button(button: Button): void {
    if (button.button === 'back' || button.button === 'forward') {
      this.#to(button.x, button.y);
      const keysym = SIDE_BUTTON_KEYSYMS[button.button];
      if (button.pressed) this.#sideKeys.add(keysym);
      else this.#sideKeys.delete(keysym);
      this.#target.key(keysym, button.pressed);
      return;
    }
    const bit = MASK[button.button];
    this.#mask = button.pressed ? this.#mask | bit : this.#mask & ~bit;
    this.#to(button.x, button.y);
  }

  wheel(wheel: Wheel): void {
    this.#x = wheel.x;
    this.#y = wheel.y;
    this.#restX = this.#turn(this.#restX + wheel.deltaX, WHEEL.left, WHEEL.right);
    this.#restY = this.#turn(this.#restY + wheel.deltaY, WHEEL.up, WHEEL.down);
  }

  releaseAll(): void {
    this.#restX = 0;
    this.#restY = 0;
    for (const keysym of this.#sideKeys) this.#target.key(keysym, false);
    this.#sideKeys.clear();
    if (this.#mask === 0) return;
    this.#mask = 0;
    this.#to(this.#x, this.#y);
  }

  #to(x: number, y: number): void {
    this.#x = x;
    this.#y = y;
    this.#target.pointer(x, y, this.#mask);
  }

  /** Makes whole steps of the pixels gathered; returns what remains. */
  #turn(pixels: number, backward: number, forward: number): number {
    const steps = Math.trunc(pixels / PIXELS_PER_STEP);
    const bit = steps < 0 ? backward : forward;
    for (let step = 0; step < Math.min(Math.abs(steps), MAX_STEPS); step += 1) {
      this.#target.pointer(this.#x, this.#y, this.#mask | bit);
      this.#target.pointer(this.#x, this.#y, this.#mask);
    }
    return pixels - steps * PIXELS_PER_STEP;
  }
}
