/**
 * Calls `listener` when the network may have become better or another one: the browser is online again, the page is
 * looked at again, the kind of connection changed. The returned function stops that.
 */
export function onNetworkHint(listener: () => void): () => void {
  const abort = new AbortController();
  const { signal } = abort;
  const hint = () => {
    if (document.visibilityState === 'visible') listener();
  };
  window.addEventListener('online', hint, { signal });
  window.addEventListener('pageshow', hint, { signal });
  document.addEventListener('visibilitychange', hint, { signal });
  // Chromium alone has it.
  const { connection } = navigator as { connection?: EventTarget };
  connection?.addEventListener('change', hint, { signal });
  return () => abort.abort();
}
