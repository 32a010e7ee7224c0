import type { CDPSession, Page } from 'playwright-core';

/** A key of some layout, as browsers report it: what it writes there, where it lies, and what is held with it. */
export interface Press {
  readonly key: string;
  readonly code: string;
  readonly held: readonly ('Shift' | 'AltGraph' | 'Control')[];
}

export const key = (written: string, code: string, ...held: Press['held']): Press => ({
  key: written,
  code,
  held,
});

const HELD = {
  Shift: { code: 'ShiftLeft', location: 1, windowsVirtualKeyCode: 16, modifiers: 8 },
  Control: { code: 'ControlLeft', location: 1, windowsVirtualKeyCode: 17, modifiers: 2 },
  AltGraph: { code: 'AltRight', location: 2, windowsVirtualKeyCode: 225, modifiers: 0 },
} as const;

/** A person at a keyboard of any layout, before a Chromium. */
export class Typist {
  readonly #devtools: CDPSession;

  private constructor(devtools: CDPSession) {
    this.#devtools = devtools;
  }

  static async before(page: Page): Promise<Typist> {
    return new Typist(await page.context().newCDPSession(page));
  }

  async press({ key, code, held }: Press): Promise<void> {
    let modifiers = 0;
    for (const name of held) {
      modifiers |= HELD[name].modifiers;
      await this.#key('rawKeyDown', { ...HELD[name], key: name, modifiers });
    }
    const letter = /^(?:Key|Digit)(.)$/.exec(code)?.[1];
    const windowsVirtualKeyCode = letter === undefined ? 0 : letter.charCodeAt(0);
    const text = [...key].length === 1 && !held.includes('Control') ? { text: key } : {};
    await this.#key('text' in text ? 'keyDown' : 'rawKeyDown', {
      key,
      code,
      modifiers,
      windowsVirtualKeyCode,
      ...text,
    });
    await this.#key('keyUp', { key, code, modifiers, windowsVirtualKeyCode });
    for (const name of held.toReversed()) {
      modifiers &= ~HELD[name].modifiers;
      await this.#key('keyUp', { ...HELD[name], key: name, modifiers });
    }
  }

  /** By an input method: each step is what it shows meanwhile, the last is what it gives. */
  async compose(...steps: readonly string[]): Promise<void> {
    for (const text of steps) {
      await this.#key('rawKeyDown', { key: 'Process', code: 'KeyN', windowsVirtualKeyCode: 229 });
      const selection = { selectionStart: text.length, selectionEnd: text.length };
      await this.#devtools.send('Input.imeSetComposition', { text, ...selection });
    }
    await this.insert(steps.at(-1) ?? '');
  }

  /** Text that comes without a key, as from a panel of emoji; it ends a composition. */
  async insert(text: string): Promise<void> {
    await this.#devtools.send('Input.insertText', { text });
  }

  async #key(type: 'keyDown' | 'rawKeyDown' | 'keyUp', event: object): Promise<void> {
    await this.#devtools.send('Input.dispatchKeyEvent', { type, ...event });
  }
}
