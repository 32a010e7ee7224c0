import { SIDE_BUTTON_KEYSYMS } from '@browser-vm/protocol';

/** Of `MouseEvent.button`. */
const KEYS: ReadonlyMap<number, number> = new Map([
  [3, SIDE_BUTTON_KEYSYMS.back],
  [4, SIDE_BUTTON_KEYSYMS.forward],
]);

/**
 * Presses the keys that mean back and forward for a mouse's side buttons: the pointer messages of noVNC's connection have
 * no place for these. The returned function stops that.
 */
export function sideButtonsAsKeys(
  root: HTMLElement,
  press: (keysym: number, pressed: boolean) => void,
): () => void {
  const abort = new AbortController();
  const options = { signal: abort.signal, capture: true };
  const handler = (event: MouseEvent) => {
    const keysym = KEYS.get(event.button);
    if (keysym === undefined) return;
    // This page's browser would go back, too.
    event.preventDefault();
    event.stopPropagation();
    press(keysym, event.type === 'mousedown');
  };
  root.addEventListener('mousedown', handler, options);
  root.addEventListener('mouseup', handler, options);
  return () => abort.abort();
}
