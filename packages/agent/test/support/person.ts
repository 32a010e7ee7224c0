import { once } from 'node:events';
import { RfbClient } from '@browser-vm/rfb';

/** Red, green, blue of the identity provider's button. */
const BUTTON = [0x0a, 0x7d, 0x5a] as const;
/** Milliseconds */
const PATIENCE = 30_000;
/** A caret that blinks changes something sooner than this. Milliseconds. */
const REST = 1500;

const TAB = 0xff09;
const RETURN = 0xff0d;
const SHIFT = 0xffe1;

/** Somebody in front of the desktop: looks at the picture, types and clicks. */
export class Person {
  readonly #client: RfbClient;

  private constructor(client: RfbClient) {
    this.#client = client;
  }

  static async sitDown(port: number): Promise<Person> {
    return new Person(await RfbClient.connect({ host: '127.0.0.1', port }));
  }

  leave(): void {
    this.#client.close();
  }

  /** Waits for the sign-in page; returns the middle of its green button, in pixels. */
  async findButton(): Promise<{ x: number; y: number }> {
    const signal = AbortSignal.timeout(PATIENCE);
    await this.#client.takePicture();
    for (;;) {
      const found = this.#button();
      if (found !== null) return found;
      const changed = once(this.#client, 'update', { signal });
      this.#client.requestUpdate();
      await changed;
    }
  }

  /** Resolves when nothing of the picture changes any more; rejects when something always does. */
  async seeRest(): Promise<void> {
    const until = performance.now() + PATIENCE;
    for (let changed = true; changed; ) {
      if (performance.now() > until) throw new Error(`the desktop is not at rest after ${PATIENCE} ms`);
      this.#client.requestUpdate();
      changed = await once(this.#client, 'update', { signal: AbortSignal.timeout(REST) }).then(
        () => true,
        () => false,
      );
    }
  }

  async signIn(name: string, password: string): Promise<void> {
    await this.findButton();
    this.#type(name);
    this.#press(TAB);
    this.#type(password);
    this.#press(RETURN);
  }

  click(x: number, y: number): void {
    this.#client.pointer(x, y, 0);
    this.#client.pointer(x, y, 1);
    this.#client.pointer(x, y, 0);
  }

  #type(text: string): void {
    for (const character of text) {
      const shifted = /[A-Z@!#$%^&*()_+:"<>?{}|~]/.test(character);
      if (shifted) this.#client.key(SHIFT, true);
      this.#press(character.codePointAt(0)!);
      if (shifted) this.#client.key(SHIFT, false);
    }
  }

  #press(keysym: number): void {
    this.#client.key(keysym, true);
    this.#client.key(keysym, false);
  }

  #button(): { x: number; y: number } | null {
    const { framebuffer, width } = this.#client;
    let pixels = 0;
    let sumX = 0;
    let sumY = 0;
    for (let at = 0; at < framebuffer.length; at += 4) {
      if (framebuffer[at] !== BUTTON[2] || framebuffer[at + 1] !== BUTTON[1]) continue;
      if (framebuffer[at + 2] !== BUTTON[0]) continue;
      pixels += 1;
      sumX += (at / 4) % width;
      sumY += Math.floor(at / 4 / width);
    }
    // The button has about 420 x 56 pixels.
    return pixels > 15_000 ? { x: Math.round(sumX / pixels), y: Math.round(sumY / pixels) } : null;
  }
}
