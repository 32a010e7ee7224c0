import type { DesktopMessage, ViewerMode } from '@browser-vm/protocol';

/** One viewer's place beside the desktop. */
export interface Seat {
  readonly mode: ViewerMode;
  /** Keys and buttons of this viewer are let go: it lost control. */
  release(): void;
  tell(message: DesktopMessage): void;
}

/**
 * Who of several viewers acts. The first who may is in control, keeps it until another takes it, and when it
 * leaves, the one who has waited longest follows. A viewer that may only watch is never in control.
 */
export class Control {
  readonly #seats: Seat[] = [];
  /** Does what is copied go to and from whoever is in control. */
  readonly #clipboard: () => boolean;
  #holder: Seat | null = null;

  constructor(clipboard: () => boolean) {
    this.#clipboard = clipboard;
  }

  get holder(): Seat | null {
    return this.#holder;
  }

  holds(seat: Seat): boolean {
    return this.#holder === seat;
  }

  /** A viewer is connected; may be called again. */
  join(seat: Seat): void {
    if (this.#seats.includes(seat)) return;
    this.#seats.push(seat);
    if (this.#holder === null && seat.mode === 'control') this.#holder = seat;
    this.#tellAll();
  }

  /** Gone, or out of reach for now; may be called for a viewer that never joined. */
  leave(seat: Seat): void {
    const at = this.#seats.indexOf(seat);
    if (at < 0) return;
    this.#seats.splice(at, 1);
    if (this.#holder === seat) {
      seat.release();
      this.#holder = this.#seats.find(({ mode }) => mode === 'control') ?? null;
    }
    this.#tellAll();
  }

  /** Gives this viewer control, if it may have it. */
  take(seat: Seat): void {
    if (seat.mode !== 'control' || this.#holder === seat || !this.#seats.includes(seat)) return;
    this.#holder?.release();
    this.#holder = seat;
    this.#tellAll();
  }

  /** Tells one viewer how things stand. */
  tell(seat: Seat): void {
    if (!this.#seats.includes(seat)) return;
    const holder = this.#holder === seat ? 'you' : this.#holder === null ? 'nobody' : 'other';
    seat.tell({
      type: 'control',
      holder,
      mode: seat.mode,
      viewers: this.#seats.length,
      clipboard: this.#clipboard(),
    });
  }

  #tellAll(): void {
    for (const seat of [...this.#seats]) this.tell(seat);
  }
}
