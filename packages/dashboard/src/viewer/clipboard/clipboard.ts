/** Bound of the protocol. Characters. */
const MAX_TEXT = 1_048_576;

/** Calls `listener` with the text of each paste on `target`; the returned function stops that. */
export function onPaste(target: EventTarget, listener: (text: string) => void): () => void {
  const handler = (event: Event) => {
    const text = (event as ClipboardEvent).clipboardData?.getData('text/plain') ?? '';
    event.preventDefault();
    if (text !== '') listener(text.slice(0, MAX_TEXT));
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
