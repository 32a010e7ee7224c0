import type { Size } from '../input/geometry.ts';
import type { Transport } from '../transport.ts';

/** How the picture reaches the viewer: straight, through a TURN server, or by noVNC through the controller. */
export type Route = 'direct' | 'relayed' | 'novnc';

/** One second of a connection. Null: not known, or nothing of it in that second. */
export interface Statistics {
  readonly transport: Transport;
  readonly route: Route | null;
  /** Network only, there and back. Milliseconds. */
  readonly roundTripMs: number | null;
  /** Pictures shown; 0 while nothing changes. */
  readonly framesPerSecond: number | null;
  readonly kbps: number | null;
  /** Packets that did not arrive, of those that should have. Percent. */
  readonly lossPercent: number | null;
  readonly codec: string | null;
  /** Size of the decoded picture. */
  readonly size: Size | null;
}

/** Counters of a connection at one moment, since it began. */
export interface Counters {
  /** Milliseconds. */
  readonly at: number;
  readonly bytes: number;
  readonly frames: number | null;
  readonly packets: number;
  readonly lost: number;
  readonly route: Route | null;
  readonly roundTripMs: number | null;
  readonly codec: string | null;
  readonly size: Size | null;
}

/** What happened between two looks at the same connection; without an earlier one, rates are not known. */
export function statisticsOf(transport: Transport, before: Counters | null, now: Counters): Statistics {
  const { route, roundTripMs, codec, size } = now;
  const known = { transport, route, roundTripMs, codec, size };
  const seconds = before === null ? 0 : (now.at - before.at) / 1000;
  // Counters that went back are those of another connection.
  if (before === null || seconds <= 0 || now.bytes < before.bytes) {
    return { ...known, framesPerSecond: null, kbps: null, lossPercent: null };
  }
  const lost = Math.max(0, now.lost - before.lost);
  const expected = now.packets - before.packets + lost;
  return {
    ...known,
    framesPerSecond:
      now.frames === null || before.frames === null
        ? null
        : Math.round((now.frames - before.frames) / seconds),
    kbps: Math.round(((now.bytes - before.bytes) * 8) / 1000 / seconds),
    lossPercent: expected <= 0 ? null : Math.round((lost / expected) * 1000) / 10,
  };
}
