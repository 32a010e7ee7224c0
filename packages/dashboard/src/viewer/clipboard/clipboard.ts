import { CLIPBOARD_IMAGE } from '@browser-vm/protocol';

/** Bound of the protocol. Characters. */
const MAX_TEXT = 1_048_576;

/**
 * Calls `listener` with the text of each paste on `target`, or, of what has none, with its PNG, which browsers make of
 * whatever image was copied; the returned function stops that.
 */
export function onPaste(target: EventTarget, listener: (copied: string | Blob) => void): () => void {
  const handler = (event: Event) => {
    const { clipboardData } = event as ClipboardEvent;
    const text = clipboardData?.getData('text/plain') ?? '';
    event.preventDefault();
    if (text !== '') return listener(text.slice(0, MAX_TEXT));
    const png = [...(clipboardData?.files ?? [])].find(({ type }) => type === CLIPBOARD_IMAGE.type);
    if (png !== undefined) listener(png);
  };
  target.addEventListener('paste', handler);
  return () => target.removeEventListener('paste', handler);
}

/** The text, else the PNG on this person's clipboard; null where the browser refuses it, or has neither. */
export async function readClipboard(): Promise<string | Blob | null> {
  try {
    // At once, as each look may be asked about.
    const items = await navigator.clipboard.read();
    const of = (wanted: string) => items.find(({ types }) => types.includes(wanted))?.getType(wanted);
    const text = (await (await of('text/plain'))?.text()) ?? '';
    return text === '' ? ((await of(CLIPBOARD_IMAGE.type)) ?? null) : text.slice(0, MAX_TEXT);
  } catch {
    return null;
  }
}

/** Puts text on this person's clipboard; false where the browser wants a click first, or forbids it. */
export async function copyToClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Puts an image that is still on its way on this person's clipboard; to be called from a click, which browsers want for
 * it: Safari and Firefox even when it was allowed before. Rejects when the browser refuses, or with what `png` rejects.
 */
export async function copyImageToClipboard(png: Promise<Blob>): Promise<void> {
  await navigator.clipboard.write([new ClipboardItem({ [CLIPBOARD_IMAGE.type]: png })]);
}
