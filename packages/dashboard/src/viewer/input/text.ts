/** Bound of the protocol. UTF-16 units. */
const MAX_TEXT = 1000;

/**
 * Alphabets, which the guest's keyboard has room for. A key is how most programs expect a letter; everything else,
 * such as ideographs and emoji, would need more keys than there are.
 */
const LETTERS =
  /^[\t\n\x20-\x7e\u00a0-\u036f\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Hebrew}\p{Script=Arabic}\u2010-\u2027\u2030-\u205e\u20a0-\u20cf\u2116\u2122]$/u;

/** Can each character be a key press? */
export function isTypeable(text: string): boolean {
  return [...text].every((character) => LETTERS.test(character));
}

/** The text in parts that fit a message each, characters left whole. */
export function inParts(text: string): readonly string[] {
  const parts: string[] = [];
  let part = '';
  for (const character of text) {
    if (part.length + character.length > MAX_TEXT) {
      parts.push(part);
      part = '';
    }
    part += character;
  }
  if (part !== '') parts.push(part);
  return parts;
}
