import { CHANNELS, type InputMessage, inputMessageSchema, pointerMoveSchema } from '@browser-vm/protocol';
import type { z } from 'zod';
import type { InputTarget } from '../picture-source.ts';
import { Budget } from './budget.ts';
import { Keyboard } from './keyboard.ts';
import { Pointer } from './pointer.ts';

/** Characters of one message's JSON text. Clipboard text is bounded again by its schema. */
const MAX_LENGTH = { [CHANNELS.pointer]: 256, [CHANNELS.input]: 1_572_864 } as const;
/** Messages a second; a mouse of 1000 Hz stays below. */
const PER_SECOND = 2000;
const CLIPBOARDS_PER_SECOND = 5;
/** Each is a composition that a person finished. */
const TEXTS_PER_SECOND = 20;
const RESIZES_PER_SECOND = 5;
/** Messages that do not fit their schema before the viewer is sent away. */
const MAX_BAD = 100;

/** What this viewer may do now. */
export interface Permission {
  mayAct(): boolean;
  /** Wants to be in control. */
  take(): void;
  /** Wants to hear the desktop, or no longer. */
  hear(on: boolean): void;
}

/** What one viewer sends on its channels, checked, and turned into input of the desktop. */
export class ViewerInput {
  readonly #target: InputTarget;
  readonly #pointer: Pointer;
  readonly #keyboard: Keyboard;
  readonly #budget = new Budget(PER_SECOND);
  readonly #clipboardBudget = new Budget(CLIPBOARDS_PER_SECOND);
  readonly #textBudget = new Budget(TEXTS_PER_SECOND);
  readonly #resizeBudget = new Budget(RESIZES_PER_SECOND);
  readonly #permission: Permission;
  #bad = 0;

  constructor(target: InputTarget, permission: Permission) {
    this.#target = target;
    this.#permission = permission;
    this.#pointer = new Pointer(target);
    this.#keyboard = new Keyboard(target);
  }

  /** A message as it came. False: this viewer breaks the rules and is to be sent away. */
  receive(channel: keyof typeof MAX_LENGTH, data: unknown): boolean {
    if (!this.#budget.take()) return false;
    if (channel === CHANNELS.pointer) {
      const move = this.#check(pointerMoveSchema, MAX_LENGTH.pointer, data);
      if (move !== null && this.#permission.mayAct()) this.#pointer.move(move);
    } else {
      const message = this.#check(inputMessageSchema, MAX_LENGTH.input, data);
      if (message?.type === 'take_control') this.#permission.take();
      else if (message?.type === 'sound') this.#permission.hear(message.on);
      else if (message !== null && this.#permission.mayAct()) this.#apply(message);
    }
    return this.#bad <= MAX_BAD;
  }

  /** Nothing stays pressed: focus lost, or the viewer gone. */
  releaseAll(): void {
    this.#keyboard.releaseAll();
    this.#pointer.releaseAll();
  }

  #apply(message: Exclude<InputMessage, { type: 'take_control' | 'sound' }>): void {
    switch (message.type) {
      case 'button':
        this.#pointer.button(message);
        break;
      case 'wheel':
        this.#pointer.wheel(message);
        break;
      case 'key':
        this.#keyboard.key(message.keysym, message.code, message.pressed);
        break;
      case 'text':
        if (this.#textBudget.take()) this.#target.text(message.text);
        break;
      case 'release_all':
        this.releaseAll();
        break;
      case 'clipboard':
        if (this.#clipboardBudget.take()) this.#target.clipboard(message.text);
        break;
      case 'resize':
        if (this.#resizeBudget.take()) this.#target.resize(message.width, message.height);
    }
  }

  #check<T>(schema: z.ZodType<T>, maxLength: number, data: unknown): T | null {
    if (typeof data === 'string' && data.length <= maxLength) {
      try {
        const parsed = schema.safeParse(JSON.parse(data));
        if (parsed.success) return parsed.data;
      } catch {
        // No JSON: as bad as JSON of another shape.
      }
    }
    this.#bad += 1;
    return null;
  }
}
