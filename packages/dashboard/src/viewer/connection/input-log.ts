/** What could not be delivered for this long is not delivered any more: the desktop is another by then. Milliseconds. */
const KEPT_MS = 10_000;
/** Messages that are kept at most. A fast typist makes 30 a second. */
const KEPT = 1024;

interface Entry {
  readonly text: string;
  readonly at: number;
}

/**
 * What is sent in order, and again on the next connection as far as the streamer did not hear it, so that everything
 * arrives once. When some of it cannot be delivered in time, nothing that waits is: half a password helps nobody.
 */
export class InputLog {
  #entries: Entry[] = [];
  /** How many came before the first that is kept. */
  #before = 0;
  /** How many of all have been sent on the present connection. */
  #sent = 0;
  /** How the streamer counts, less how this does. */
  #offset = 0;
  /** Something was too late: whatever comes until the next `take` is, too. */
  #isLate = false;

  /** `now` in milliseconds, of one clock for all calls. */
  add(text: string, now: number): void {
    if (this.#isLate) return;
    this.#entries.push({ text, at: now });
    while (this.#before < this.#sent && this.#isOver(0, now)) {
      this.#entries.shift();
      this.#before += 1;
    }
    this.#checkLate(now);
  }

  /** What has not been sent yet, which counts as sent from now on. Null: it came too late, and is dropped. */
  take(now: number): readonly string[] | null {
    this.#checkLate(now);
    const wasLate = this.#isLate;
    this.#isLate = false;
    if (wasLate) return null;
    const waiting = this.#entries.slice(this.#sent - this.#before);
    this.#sent += waiting.length;
    return waiting.map(({ text }) => text);
  }

  /** Another connection, on which the streamer says that it has heard so many. What it did not hear waits again. */
  heard(count: number): void {
    const heard = count - this.#offset;
    if (heard >= this.#before && heard <= this.#sent) this.#sent = heard;
    // It counts anew, or what it missed is not known any more.
    else this.#offset = count - this.#sent;
  }

  /** Nothing that waits is sent, and nothing that was is sent again. */
  drop(): void {
    this.#entries = [];
    this.#before = this.#sent;
  }

  #checkLate(now: number): void {
    const first = this.#sent - this.#before;
    if (first >= this.#entries.length || !this.#isOver(first, now)) return;
    this.drop();
    this.#isLate = true;
  }

  #isOver(index: number, now: number): boolean {
    const entry = this.#entries[index];
    return entry !== undefined && (now - entry.at > KEPT_MS || this.#entries.length - index > KEPT);
  }
}
