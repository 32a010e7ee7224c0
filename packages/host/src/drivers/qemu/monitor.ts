import type { QmpEvent } from './qmp.ts';

/** What saving and loading of device state needs of a VM. */
export interface Monitor {
  readonly id: string;
  command(name: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** Resolves with the first event that satisfies; rejects when the monitor ends before. */
  event(satisfies: (event: QmpEvent) => boolean): Promise<QmpEvent>;
}
