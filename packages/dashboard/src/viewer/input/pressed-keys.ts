export interface PressedKey {
  readonly code: string;
  readonly keysym: number;
}

export interface ModifierState {
  readonly shift: boolean;
  readonly control: boolean;
  readonly alt: boolean;
  readonly meta: boolean;
}

/** Which physical keys make which modifier true; AltGr reports itself in several ways, so it counts for none. */
const MODIFIER_OF: Readonly<Record<string, keyof ModifierState>> = {
  ShiftLeft: 'shift',
  ShiftRight: 'shift',
  ControlLeft: 'control',
  ControlRight: 'control',
  AltLeft: 'alt',
  MetaLeft: 'meta',
  MetaRight: 'meta',
};

/** The keys that are down in the guest because of us. */
export class PressedKeys {
  readonly #keysyms = new Map<string, number>();

  press(code: string, keysym: number): void {
    this.#keysyms.set(code, keysym);
  }

  isDown(code: string): boolean {
    return this.#keysyms.has(code);
  }

  /** Everything that is down. */
  get held(): readonly PressedKey[] {
    return [...this.#keysyms].map(([code, keysym]) => ({ code, keysym }));
  }

  /** The keysym it went down with, so that it is released as the same key; null when it is not down. */
  release(code: string): number | null {
    const keysym = this.#keysyms.get(code) ?? null;
    this.#keysyms.delete(code);
    return keysym;
  }

  /** Forgets and returns modifiers that are down here and not on the person's keyboard: their release was never seen. */
  releaseStale(actual: ModifierState): readonly PressedKey[] {
    return this.#take((code) => {
      const modifier = MODIFIER_OF[code];
      return modifier !== undefined && !actual[modifier];
    });
  }

  #take(wanted: (code: string) => boolean): readonly PressedKey[] {
    const taken = [...this.#keysyms]
      .filter(([code]) => wanted(code))
      .map(([code, keysym]) => ({ code, keysym }));
    for (const { code } of taken) this.#keysyms.delete(code);
    return taken;
  }
}
