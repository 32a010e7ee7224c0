/**
 * Calls `left` when the page goes, for good or to where browsers keep pages for a way back, and `back` when it comes from
 * there. The returned function stops that.
 */
export function onPageLife(listeners: { readonly left: () => void; readonly back: () => void }): () => void {
  const abort = new AbortController();
  const { signal } = abort;
  window.addEventListener('pagehide', () => listeners.left(), { signal });
  window.addEventListener('pageshow', ({ persisted }) => persisted && listeners.back(), { signal });
  return () => abort.abort();
}
