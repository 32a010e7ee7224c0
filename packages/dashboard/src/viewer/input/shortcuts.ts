type KeyPress = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>;

/** A letter that no shortcut is named after. */
const FOREIGN = /^(?!\p{Script=Latin})\p{L}$/u;

/** What a US keyboard has on the keys whose names do not say it; without and with Shift. */
const US: Readonly<Record<string, readonly [string, string]>> = {
  Backquote: ['`', '~'],
  Minus: ['-', '_'],
  Equal: ['=', '+'],
  BracketLeft: ['[', '{'],
  BracketRight: [']', '}'],
  Backslash: ['\\', '|'],
  Semicolon: [';', ':'],
  Quote: ["'", '"'],
  Comma: [',', '<'],
  Period: ['.', '>'],
  Slash: ['/', '?'],
};

/**
 * The character that a shortcut means where the layout's own has no meaning to programs: on a Cyrillic layout,
 * Control with the key С is Control and C; on a French one, Control with the key of 1 is Control and 1.
 * Null: what was typed is what is meant.
 */
export function shortcutCharacter(event: KeyPress): string | null {
  if (!event.ctrlKey && !event.metaKey && !event.altKey) return null;
  const digit = /^Digit(\d)$/.exec(event.code)?.[1];
  if (digit !== undefined && !event.shiftKey && !event.altKey) return digit;
  if (!FOREIGN.test(event.key)) return null;
  const letter = /^Key([A-Z])$/.exec(event.code)?.[1];
  if (letter !== undefined) return event.shiftKey ? letter : letter.toLowerCase();
  return US[event.code]?.[event.shiftKey ? 1 : 0] ?? null;
}

/** Is it a shortcut by which the browser pastes? */
export function isPaste(event: KeyPress): boolean {
  if (event.altKey) return false;
  if (event.key === 'Insert') return event.shiftKey && !event.ctrlKey && !event.metaKey;
  if (!event.ctrlKey && !event.metaKey) return false;
  return (shortcutCharacter(event) ?? event.key).toLowerCase() === 'v';
}
