/// <reference path="./x11-module.d.ts" />
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CLIPBOARD_IMAGE } from '@browser-vm/protocol';
import x11, { type Client, type Display, type Fixes } from 'x11';
import { displayAccepts, displaySocket } from './display.ts';

/** A list of types is far shorter. Units of four bytes. */
const MOST_TYPES = 1024;
/** Before a display that ended is asked for again. Milliseconds. */
const RETRY = 1000;
/** A page may change the clipboard as often as it likes; this often at most it is told. Milliseconds. */
const PAUSE = 500;

/**
 * Tells whether the desktop's clipboard has an image, whenever that changes: the X server says when somebody else has
 * the clipboard, and nothing runs meanwhile. Until `signal`; a display that was restarted is followed again.
 */
export async function watchClipboard(
  display: number,
  told: (hasImage: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  const teller = new Teller(told);
  while (!signal.aborted) {
    try {
      await displayAccepts(display, signal);
      await follow(connect(displaySocket(display)), teller, signal);
    } catch {
      // A display that is not there, or goes while it is asked.
    }
    teller.tell(false);
    await delay(RETRY, undefined, { signal }).catch(() => {});
  }
  teller.close();
}

/** Until the display or `signal` ends it. */
async function follow(stream: Socket, teller: Teller, signal: AbortSignal): Promise<void> {
  const stop = () => stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  const closed = once(stream, 'close').finally(() => signal.removeEventListener('abort', stop));
  closed.catch(() => {});
  try {
    const { client, screen } = await promisify<{ stream: Socket }, Display>(x11.createClient)({ stream });
    client.on('error', () => stream.destroy());
    // The library has one table for all servers, and takes the numbers of one that is gone for those of this.
    client.atoms = {};
    await ask(client, screen[0]?.root ?? 0, teller);
    await closed;
  } finally {
    stream.destroy();
  }
}

async function ask(client: Client, root: number, teller: Teller): Promise<void> {
  const atom = (name: string) =>
    new Promise<number>((resolve, reject) =>
      client.InternAtom(false, name, (error, value) => (error === null ? resolve(value) : reject(error))),
    );
  const [clipboard, targets, image] = await Promise.all(
    ['CLIPBOARD', 'TARGETS', CLIPBOARD_IMAGE.type].map(atom),
  );
  if (clipboard === undefined || targets === undefined || image === undefined) return;
  const fixes = await new Promise<Fixes>((resolve, reject) =>
    client.require('fixes', (error, extension) => (error === null ? resolve(extension) : reject(error))),
  );
  const window = client.AllocID();
  client.CreateWindow(window, root, 0, 0, 1, 1);
  const askOwner = () => client.ConvertSelection(window, clipboard, targets, targets);
  client.on('event', (event) => {
    if (event.name !== 'SelectionNotify') return;
    if (event.owner === 0) teller.tell(false);
    else if (event.owner !== undefined) askOwner();
    else if (event.property === 0) teller.tell(false);
    else {
      // Not deleted: where it changes hands twice, both answers stand in this one place before the first is read.
      client.GetProperty(0, window, targets, 0, 0, MOST_TYPES, (error, answer) => {
        const types = error === null ? answer.data : Buffer.alloc(0);
        const offsets = Array.from({ length: Math.floor(types.length / 4) }, (_, index) => index * 4);
        teller.tell(offsets.some((offset) => types.readUInt32LE(offset) === image));
      });
    }
  });
  const { SetSelectionOwner, SelectionWindowDestroy, SelectionClientClose } = fixes.SelectionEventMask;
  fixes.SelectSelectionInput(
    window,
    clipboard,
    SetSelectionOwner | SelectionWindowDestroy | SelectionClientClose,
  );
  // Whoever has it already.
  askOwner();
}

/** Tells what is new, at once, but what follows it soon only after a while. */
class Teller {
  readonly #told: (hasImage: boolean) => void;
  #said = false;
  #now = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(told: (hasImage: boolean) => void) {
    this.#told = told;
  }

  tell(hasImage: boolean): void {
    this.#now = hasImage;
    if (this.#timer === null) this.#say();
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #say(): void {
    if (this.#now === this.#said) return;
    this.#said = this.#now;
    this.#told(this.#said);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#say();
    }, PAUSE);
  }
}
