/**
 * noVNC's keyboard: X11 keysyms from DOM events, with AltGr on Windows, macOS's modifiers and missing
 * key codes handled as TigerVNC expects. Its package exports the RFB class alone, so its files are named
 * here, and nowhere else; the version is pinned and the unit tests go through them.
 */
import Keyboard from '../../../../../node_modules/@novnc/novnc/core/input/keyboard.js';

export interface NoVncKeyboard {
  onkeyevent: (keysym: number | null, code: string, pressed: boolean) => void;
  grab(): void;
  /** Also reports the release of each key that is down. */
  ungrab(): void;
}

export function createKeyboard(target: EventTarget): NoVncKeyboard {
  return new Keyboard(target) as unknown as NoVncKeyboard;
}
