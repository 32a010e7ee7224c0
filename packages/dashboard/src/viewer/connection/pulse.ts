/** How often is looked. Milliseconds. */
const INTERVAL_MS = 250;
/**
 * A streamer reports on its stream about once a second (RFC 3550) and checks the way besides, also while the picture
 * stands still: a way on which nothing came for this long is broken. Browsers say so after 5 s. Milliseconds.
 */
const QUIET_MS = 2_000;

export interface PulseListeners {
  readonly quiet: () => void;
  /** Something came again. */
  readonly flowing: () => void;
}

/** Hears whether anything comes over a connection. A page that slept hears of it within a moment of waking. */
export class Pulse {
  readonly #peer: RTCPeerConnection;
  readonly #listeners: PulseListeners;
  readonly #timer: ReturnType<typeof setInterval>;
  #received = -1;
  #heardAt = performance.now();
  #isQuiet = false;
  #looking = false;

  constructor(peer: RTCPeerConnection, listeners: PulseListeners) {
    this.#peer = peer;
    this.#listeners = listeners;
    this.#timer = setInterval(() => void this.#look(), INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking || this.#peer.signalingState === 'closed') return;
    this.#looking = true;
    const received = await bytesAndChecks(this.#peer).catch(() => this.#received);
    this.#looking = false;
    const now = performance.now();
    // Less than before: ways were given up for new ones.
    const heard = received > this.#received;
    this.#received = received;
    if (heard) {
      this.#heardAt = now;
      if (this.#isQuiet) this.#listeners.flowing();
      this.#isQuiet = false;
    } else if (!this.#isQuiet && now - this.#heardAt > QUIET_MS) {
      this.#isQuiet = true;
      this.#listeners.quiet();
    }
  }
}

/** Grows with everything that comes: media, its reports, checks and answers to ours. */
async function bytesAndChecks(peer: RTCPeerConnection): Promise<number> {
  let sum = 0;
  for (const entry of (await peer.getStats()).values()) {
    if (entry.type !== 'candidate-pair') continue;
    sum += (entry.bytesReceived ?? 0) + (entry.responsesReceived ?? 0) + (entry.requestsReceived ?? 0);
  }
  return sum;
}
