import { XK } from './keysym.ts';

type KeyPress = Pick<KeyboardEvent, 'key' | 'metaKey' | 'altKey' | 'ctrlKey'>;

export function isMac(): boolean {
  return /mac|iphone|ipad|ipod/i.test(navigator.platform);
}

/** Command is what Control is elsewhere; the guest is elsewhere. Null: the key is the same. */
export function macModifier(code: string): number | null {
  return code === 'MetaLeft' || code === 'MetaRight' ? XK.controlLeft : null;
}

/** How a Mac's keys for moving in text are pressed in the guest, whatever is held here but Shift. Null: as they are. */
export function macChord(event: KeyPress): readonly number[] | null {
  const { key, metaKey, altKey, ctrlKey } = event;
  if (ctrlKey || metaKey === altKey) return null;
  const chords = metaKey ? COMMAND : OPTION;
  return chords[key] ?? null;
}

const COMMAND: Readonly<Record<string, readonly number[]>> = {
  ArrowLeft: [XK.home],
  ArrowRight: [XK.end],
  ArrowUp: [XK.controlLeft, XK.home],
  ArrowDown: [XK.controlLeft, XK.end],
};

const OPTION: Readonly<Record<string, readonly number[]>> = {
  ArrowLeft: [XK.controlLeft, XK.left],
  ArrowRight: [XK.controlLeft, XK.right],
  Backspace: [XK.controlLeft, XK.backspace],
  Delete: [XK.controlLeft, XK.delete],
};
