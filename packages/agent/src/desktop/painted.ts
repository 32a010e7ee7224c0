import { setTimeout as sleep } from 'node:timers/promises';
import { describePicture, isBlank, type Picture, RfbClient, RfbError } from '@browser-vm/rfb';
import { START_PAGE_COLOUR } from './start-page.ts';

/** Part of the screen that the start page's background must cover: a browser's own bars leave more. */
const COVERED = 0.6;

/** Milliseconds; a picture takes less even under emulation. Then a new connection is tried. */
const PICTURE_TIMEOUT = 20_000;

/**
 * One pixel in so many is looked at: the browser that is being waited for wants the same CPUs. Odd, so that a column is not looked at alone.
 */
const SAMPLE = 61;

/** Does the desktop show the start page itself? A window that exists, empty or white, does not count. */
export function showsStartPage(picture: Picture): boolean {
  const [red, green, blue] = START_PAGE_COLOUR;
  const { pixels } = picture;
  let covered = 0;
  for (let at = 0; at < pixels.length; at += 4 * SAMPLE) {
    if (pixels[at] === blue && pixels[at + 1] === green && pixels[at + 2] === red) covered += 1;
  }
  return covered >= (pixels.length / 4 / SAMPLE) * COVERED && !isBlank(picture);
}

const XK_SHIFT_L = 0xffe1;

/** Resolves when the desktop shows the start page, looking again at each change. Rejects when aborted. */
export async function startPagePainted(vncPort: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await watchUntilPainted(vncPort, signal);
      return;
    } catch (error) {
      signal.throwIfAborted();
      // The display may have been started anew; its supervisor says so.
      if (!(error instanceof RfbError)) throw error;
      await sleep(RETRY, undefined, { signal });
    }
  }
}

/** What the desktop looks like now, or why that cannot be seen; for a fault. */
export async function lookOf(vncPort: number): Promise<string> {
  try {
    const client = await RfbClient.connect(
      { host: '127.0.0.1', port: vncPort },
      { timeoutMs: PICTURE_TIMEOUT },
    );
    try {
      return describePicture(await client.takePicture({ timeoutMs: PICTURE_TIMEOUT }));
    } finally {
      client.close();
    }
  } catch (error) {
    return `no picture of it: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Milliseconds between a connection that failed and the next. */
const RETRY = 250;

async function watchUntilPainted(vncPort: number, signal: AbortSignal): Promise<void> {
  const client = await RfbClient.connect(
    { host: '127.0.0.1', port: vncPort },
    { timeoutMs: PICTURE_TIMEOUT, signal },
  );
  try {
    // With the first key ever the server takes the keyboard's own map anew, and what it gave to spare keys is lost.
    client.key(XK_SHIFT_L, true);
    client.key(XK_SHIFT_L, false);
    while (!showsStartPage(await client.takePicture({ timeoutMs: PICTURE_TIMEOUT, signal }))) {
      await nextUpdate(client, signal);
    }
  } finally {
    client.close();
  }
}

async function nextUpdate(client: RfbClient, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const aborted = () => reject(signal.reason);
  const closed = (error: RfbError | null) =>
    reject(error ?? new RfbError('closed', 'the connection was closed'));
  const updated = () => resolve();
  client.once('update', updated).once('closed', closed);
  signal.addEventListener('abort', aborted, { once: true });
  try {
    if (signal.aborted) aborted();
    client.requestUpdate();
    await promise;
  } finally {
    client.off('update', updated).off('closed', closed);
    signal.removeEventListener('abort', aborted);
  }
}
