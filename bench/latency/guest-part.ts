import { setTimeout as delay } from 'node:timers/promises';
import { RfbClient } from '@browser-vm/rfb';
import { createWebSocketStream, WebSocket } from 'ws';
import type { Bench } from '../support/bench.ts';
import { PLACES } from './desktop-page.ts';

/** This only ends a hang. Milliseconds. */
const LIMIT = 60_000;
/** Between an answer and the next press. Milliseconds. */
const PAUSE = 500;

/** What a guest takes by itself: its page, its X server and the way of raw pixels, without encoder and viewer. Milliseconds. */
export interface GuestPart {
  /** From a press sent until the first changed pixel has come. */
  readonly firstPixelMs: readonly number[];
  /** Until the pixel that the viewer's page looks at has. */
  readonly answerMs: readonly number[];
  /** One whole picture of which nothing changed: the X server and the way alone. */
  readonly pictureMs: readonly number[];
}

/** Presses on the desktop at rest, by RFB through the controller, with nobody else looking. */
export async function measureGuestPart(
  { api, signal }: Bench,
  sessionId: string,
  presses: number,
): Promise<GuestPart> {
  const stream = createWebSocketStream(new WebSocket(...api.vnc(sessionId)));
  const client = await RfbClient.connect({ stream }, { timeoutMs: LIMIT, signal });
  try {
    await client.takePicture({ timeoutMs: LIMIT, signal });
    const { x, y } = PLACES.click;
    client.pointer(x, y, 0);
    const [firstPixelMs, answerMs, pictureMs]: [number[], number[], number[]] = [[], [], []];
    for (let press = 0; press < presses; press += 1) {
      await delay(PAUSE, undefined, { signal });
      const { first, answer } = await pressAndSee(client, signal);
      firstPixelMs.push(first);
      answerMs.push(answer);
      await delay(PAUSE, undefined, { signal });
      const asked = performance.now();
      await client.takePicture({ timeoutMs: LIMIT, signal });
      pictureMs.push(performance.now() - asked);
    }
    return { firstPixelMs, answerMs, pictureMs };
  } finally {
    client.close();
  }
}

async function pressAndSee(
  client: RfbClient,
  signal: AbortSignal,
): Promise<{ first: number; answer: number }> {
  const { x, y } = PLACES.click;
  const at = (PLACES.side.y * client.width + PLACES.side.x) * 4;
  const before = client.framebuffer.readUInt32LE(at);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = AbortSignal.any([signal, AbortSignal.timeout(LIMIT)]);
  late.addEventListener('abort', () => reject(late.reason), { once: true });
  let first = Number.NaN;
  const pressed = performance.now();
  const updated = (damage: readonly unknown[]) => {
    if (damage.length > 0 && Number.isNaN(first)) first = performance.now() - pressed;
    if (client.framebuffer.readUInt32LE(at) === before) client.requestUpdate();
    else resolve();
  };
  client.on('update', updated);
  try {
    client.requestUpdate();
    client.pointer(x, y, 1);
    await promise;
    return { first, answer: performance.now() - pressed };
  } finally {
    client.off('update', updated);
    client.pointer(x, y, 0);
  }
}
