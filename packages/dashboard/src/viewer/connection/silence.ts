import { EVENTS_HEARTBEAT_MS } from '@browser-vm/protocol';

/** One heartbeat may be late. Milliseconds. */
const QUIET_MS = 2 * EVENTS_HEARTBEAT_MS + 1_000;
const LOOK_MS = 500;
const SAID_BY = ['open', 'heartbeat', 'session', 'candidate', 'wait'] as const;

/**
 * Calls `lost` once when nothing has come over a session's events for longer than there can be nothing, also while they
 * are being opened: an address that is gone, or a sleep, breaks a connection without telling a browser. The returned
 * function stops that; a source that was closed has to be stopped, too.
 */
export function onSilence(source: EventSource, lost: () => void): () => void {
  let heardAt = performance.now();
  const heard = () => {
    heardAt = performance.now();
  };
  for (const type of SAID_BY) source.addEventListener(type, heard);
  const timer = setInterval(() => {
    if (performance.now() - heardAt <= QUIET_MS) return;
    clearInterval(timer);
    lost();
  }, LOOK_MS);
  return () => clearInterval(timer);
}
