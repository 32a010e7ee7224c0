/**
 * The X11 keysym of a character: that of Unicode, beyond Latin-1. The older names of the same letters are other
 * numbers, and the VNC server, which compares numbers, would not find them on the guest's keyboard.
 */
export function characterKeysym(character: string): number {
  const codePoint = character.codePointAt(0) ?? 0;
  return codePoint < 0x100 ? codePoint : 0x1000000 | codePoint;
}
