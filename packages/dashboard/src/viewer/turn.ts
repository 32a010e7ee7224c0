import type { ControlState } from '@browser-vm/protocol';

/**
 * Whose turn it is on the desktop, and that this viewer keeps its own when its connection is made anew: the streamer sets
 * a new connection behind whoever watched meanwhile.
 */
export class Turn {
  #control: ControlState = { holder: 'nobody', mode: 'control', viewers: 0, clipboard: true };
  /** Was in control on the connection before. */
  #wanted = false;

  /** As told last by the connection that there is. */
  get control(): Readonly<ControlState> {
    return this.#control;
  }

  get mine(): boolean {
    return this.#control.holder === 'you';
  }

  /**
   * The connection that told is left for another one, which has told nothing yet; `untold`: the one that is left may have
   * given control without saying so.
   */
  keep(untold = false): void {
    this.#wanted ||= this.mine || untold;
    this.#control = { ...this.#control, holder: 'nobody' };
  }

  /** This viewer leaves, and control with it. */
  giveUp(): void {
    this.#wanted = false;
  }

  /** How control stands now. `take`: asks for it; false when it could not. */
  told(control: ControlState, take: () => boolean): void {
    this.#control = control;
    this.#wanted &&= control.holder === 'other' && !take();
  }
}
