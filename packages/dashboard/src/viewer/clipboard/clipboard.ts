import { CLIPBOARD_IMAGE } from '@browser-vm/protocol';

/** Bound of the protocol. Characters. */
const MAX_TEXT = 1_048_576;

export interface PasteListeners {
  readonly text: (text: string) => void;
  /** Of what has no text. Browsers make a PNG of whatever image was copied. */
  readonly image: (png: Blob) => void;
}

/** Calls the listener of what is pasted on `target`; the returned function stops that. */
export function onPaste(target: EventTarget, listeners: PasteListeners): () => void {
  const handler = (event: Event) => {
    const { clipboardData } = event as ClipboardEvent;
    const text = clipboardData?.getData('text/plain') ?? '';
    event.preventDefault();
    if (text !== '') return listeners.text(text.slice(0, MAX_TEXT));
    const png = [...(clipboardData?.files ?? [])].find(({ type }) => type === CLIPBOARD_IMAGE.type);
    if (png !== undefined) listeners.image(png);
  };
  target.addEventListener('paste', handler);
  return () => target.removeEventListener('paste', handler);
}

/** The text on this person's clipboard; null where the browser refuses it, or has none. */
export async function readClipboard(): Promise<string | null> {
  try {
    return (await navigator.clipboard.readText()).slice(0, MAX_TEXT);
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
