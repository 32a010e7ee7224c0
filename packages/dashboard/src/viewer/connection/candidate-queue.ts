import type { IceCandidate } from '@browser-vm/protocol';

/** Holds candidates until the side they are for can take them, then passes each on in order. */
export class CandidateQueue {
  #waiting: IceCandidate[] | null = [];
  readonly #deliver: (candidate: IceCandidate) => void;

  constructor(deliver: (candidate: IceCandidate) => void) {
    this.#deliver = deliver;
  }

  add(candidate: IceCandidate): void {
    if (this.#waiting === null) this.#deliver(candidate);
    else this.#waiting.push(candidate);
  }

  open(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const candidate of waiting) this.#deliver(candidate);
  }
}
