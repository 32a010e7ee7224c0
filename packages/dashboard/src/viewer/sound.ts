export interface SoundListener {
  /** Whether the streamer shall send it. */
  readonly ask: (on: boolean) => void;
  readonly changed: () => void;
  /** The browser plays nothing. */
  readonly refused: (error: unknown) => void;
}

/** The desktop's sound: off until the person wants it, then on for as long as the viewer lives. */
export class Sound {
  readonly #audio: HTMLAudioElement;
  readonly #listener: SoundListener;
  #stream: MediaStream | null = null;
  #on = false;

  constructor(audio: HTMLAudioElement, listener: SoundListener) {
    this.#audio = audio;
    this.#listener = listener;
  }

  /** Does the connection carry any? */
  get offered(): boolean {
    return this.#stream !== null;
  }

  get on(): boolean {
    return this.#on;
  }

  /** On from now on, or off; on only from a click, as browsers want it. */
  turn(on: boolean): void {
    if (on === this.#on) return;
    this.#on = on;
    this.#listener.ask(on);
    this.#play();
    this.#listener.changed();
  }

  /** What a connection carries; null: nothing. */
  carry(stream: MediaStream | null): void {
    if (stream === this.#stream) return;
    this.#stream = stream;
    this.#play();
    this.#listener.changed();
  }

  /** The streamer can be asked; it may be another connection, which knows nothing of it. */
  again(): void {
    if (this.#on) this.#listener.ask(true);
  }

  #play(): void {
    const stream = this.#on ? this.#stream : null;
    this.#audio.srcObject = stream;
    if (stream === null) return;
    this.#audio.play().catch((error: unknown) => {
      // Another stream in its place is no fault; a browser that forbids it is one.
      if (!this.#on || this.#stream !== stream) return;
      this.turn(false);
      this.#listener.refused(error);
    });
  }
}
