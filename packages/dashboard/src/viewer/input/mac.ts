/** X11 keysyms. */
const CONTROL = 0xffe3;
const HOME = 0xff50;
const END = 0xff57;
const LEFT = 0xff51;
const RIGHT = 0xff53;
const BACKSPACE = 0xff08;
const DELETE = 0xffff;

type KeyPress = Pick<KeyboardEvent, 'key' | 'metaKey' | 'altKey' | 'ctrlKey'>;

export function isMac(): boolean {
  return /mac|iphone|ipad|ipod/i.test(navigator.platform);
}

/** Command is what Control is elsewhere; the guest is elsewhere. Null: the key is the same. */
export function macModifier(code: string): number | null {
  return code === 'MetaLeft' || code === 'MetaRight' ? CONTROL : null;
}

/** How a Mac's keys for moving in text are pressed in the guest, whatever is held here but Shift. Null: as they are. */
export function macChord(event: KeyPress): readonly number[] | null {
  const { key, metaKey, altKey, ctrlKey } = event;
  if (ctrlKey || metaKey === altKey) return null;
  const chords = metaKey ? COMMAND : OPTION;
  return chords[key] ?? null;
}

const COMMAND: Readonly<Record<string, readonly number[]>> = {
  ArrowLeft: [HOME],
  ArrowRight: [END],
  ArrowUp: [CONTROL, HOME],
  ArrowDown: [CONTROL, END],
};

const OPTION: Readonly<Record<string, readonly number[]>> = {
  ArrowLeft: [CONTROL, LEFT],
  ArrowRight: [CONTROL, RIGHT],
  Backspace: [CONTROL, BACKSPACE],
  Delete: [CONTROL, DELETE],
};
