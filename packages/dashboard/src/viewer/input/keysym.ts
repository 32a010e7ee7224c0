/** X11 keysyms of keys that stand for no character (X11/keysymdef.h). */
export const XK = {
  backspace: 0xff08,
  tab: 0xff09,
  return: 0xff0d,
  home: 0xff50,
  left: 0xff51,
  right: 0xff53,
  end: 0xff57,
  delete: 0xffff,
  shiftLeft: 0xffe1,
  shiftRight: 0xffe2,
  controlLeft: 0xffe3,
  controlRight: 0xffe4,
} as const;

/**
 * The X11 keysym of a character: that of Unicode, beyond Latin-1. The older names of the same letters are other
 * numbers, and the VNC server, which compares numbers, would not find them on the guest's keyboard.
 */
export function characterKeysym(character: string): number {
  const codePoint = character.codePointAt(0) ?? 0;
  return codePoint < 0x100 ? codePoint : 0x1000000 | codePoint;
}
