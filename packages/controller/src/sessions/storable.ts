import type { Fault } from '@browser-vm/protocol';

/** Lines of a guest's console kept with a failed session, and characters of each. */
const MAX_LINES = 200;
const MAX_LINE_LENGTH = 2000;

/** What a guest printed, as PostgreSQL can keep it: well-formed, bounded, no control characters but tab. */
export function storableLines(lines: readonly string[]): string[] {
  return lines.slice(-MAX_LINES).map((line) => storableText(line));
}

export function storableFault(fault: Fault): Fault {
  return JSON.parse(JSON.stringify(fault), (_key, value: unknown) =>
    typeof value === 'string' ? storableText(value) : value,
  ) as Fault;
}

function storableText(text: string): string {
  return (
    text
      .slice(0, MAX_LINE_LENGTH)
      .toWellFormed()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
      .replace(/[\u0000-\u0008\u000a-\u001f\u007f]/g, '')
  );
}
