import { EVENTS_HEARTBEAT_MS } from '@browser-vm/protocol';

/** One heartbeat may be late. Milliseconds. */
const QUIET_MS = 2 * EVENTS_HEARTBEAT_MS + 1_000;
const LOOK_MS = 500;

/**
 * Calls `lost` once when nothing has come over a session's events for longer than there can be nothing, also while they
 * are being opened: an address that is gone, or a sleep, breaks a connection without telling a browser.
 */
export class Silence {
  #heardAt = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(lost: () => void) {
    this.#timer = setInterval(() => {
      if (performance.now() - this.#heardAt <= QUIET_MS) return;
      this.stop();
      lost();
    }, LOOK_MS);
  }

  /** Something came. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
