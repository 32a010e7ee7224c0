/** Samples of a VM younger than this say little of what it will take. Milliseconds. */
const MATURE_AGE = 10_000;
/** VMs whose largest figure is remembered. */
const REMEMBERED = 50;
/** On top of what was seen, however often. */
const LEAST_MARGIN = 1.2;
/** Of the VMs seen, this share took less than what is expected of the next. */
const QUANTILE = 0.9;
/** No monitor and streamer take less. MiB. */
const LEAST_MB = 48;

/**
 * What a VM of one template is expected to take at its largest, memory that it shares not counted. At first
 * what it could touch as far as the template shows; then what VMs of it did take, with a margin that shrinks
 * with their number. Never more than `worstMb`.
 */
export class VmCost {
  readonly #initialMb: number;
  readonly #worstMb: number;
  /** Largest figure by VM, in the order the VMs were first seen. */
  readonly #largest = new Map<string, number>();

  constructor(limits: { readonly initialMb: number; readonly worstMb: number }) {
    this.#worstMb = Math.max(LEAST_MB, limits.worstMb);
    this.#initialMb = Math.min(this.#worstMb, Math.max(LEAST_MB, limits.initialMb));
  }

  /** One sample of a VM: MiB, milliseconds since it started. */
  note(vmId: string, uniqueMb: number, ageMs: number): void {
    if (ageMs < MATURE_AGE) return;
    const known = this.#largest.get(vmId) ?? 0;
    this.#largest.set(vmId, Math.max(known, uniqueMb));
    if (this.#largest.size > REMEMBERED) {
      for (const oldest of this.#largest.keys()) {
        this.#largest.delete(oldest);
        break;
      }
    }
  }

  get expectedMb(): number {
    const seen = [...this.#largest.values()].sort((one, other) => one - other);
    if (seen.length === 0) return this.#initialMb;
    const typical = seen[Math.min(seen.length - 1, Math.floor(seen.length * QUANTILE))]!;
    const margin = Math.max(LEAST_MARGIN, 1 + 1 / seen.length);
    return Math.min(this.#worstMb, Math.max(LEAST_MB, typical * margin));
  }
}
