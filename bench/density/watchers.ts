import { RfbClient } from '@browser-vm/rfb';
import { createWebSocketStream, WebSocket } from 'ws';
import type { Bench } from '../support/bench.ts';

/** A wake-up on a machine at its limit takes its time. Milliseconds. */
const LIMIT = 120_000;

/**
 * Somebody who looks at many desktops at once, as noVNC does through the controller, but paints nothing: their screens
 * are elsewhere, and would take this machine's CPUs. The pointer moves a little on each now and then, so that none of
 * them goes to standby.
 */
export class Watchers {
  readonly #bench: Bench;
  readonly #moveEveryMs: number;
  readonly #moving = new Set<NodeJS.Timeout>();

  /** `moveEveryMs`: shorter than the quiet after which a VM goes to standby. Milliseconds. */
  constructor(bench: Bench, moveEveryMs: number) {
    this.#bench = bench;
    this.#moveEveryMs = moveEveryMs;
    bench.atEnd(async () => {
      for (const timer of this.#moving) clearInterval(timer);
    });
  }

  /** Resolves when the whole desktop has been seen. */
  async watch(sessionId: string): Promise<void> {
    const { api, signal } = this.#bench;
    const socket = new WebSocket(...api.vnc(sessionId));
    const stream = createWebSocketStream(socket);
    const client = await RfbClient.connect({ stream }, { timeoutMs: LIMIT, signal });
    await client.takePicture({ timeoutMs: LIMIT, signal });
    client.on('update', () => client.requestUpdate());
    client.requestUpdate();
    let moves = 0;
    const moving = setInterval(() => {
      moves += 1;
      client.pointer(2 + (moves % 2) * 4, 2, 0);
    }, this.#moveEveryMs);
    this.#moving.add(moving);
    client.once('closed', () => clearInterval(moving));
  }
}
