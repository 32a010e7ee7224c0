import type { ControlState, Fault, SessionWait } from '@browser-vm/protocol';
import type { Statistics } from './statistics/statistics.ts';
import type { Transport } from './transport.ts';

export type { Transport };

export type ViewerStatus = 'idle' | 'waiting' | 'connecting' | 'connected' | 'reconnecting' | 'closed';

/** Why the viewer went from one transport to the other; `recovered`: WebRTC works again. */
export type SwitchReason = 'manual' | 'timeout' | 'failed' | 'recovered';

/** Every event of a viewer and what its `detail` holds. */
export interface ViewerEvents {
  /** The connection's state; `waiting`: the session has not started. `detail` is one line for people. */
  status: { readonly status: ViewerStatus; readonly transport: Transport; readonly detail: string };
  /** The session's place among those who wait to start, whenever it changes; null: its turn has come. */
  wait: { readonly wait: SessionWait | null };
  /** The transport changed; `message` says so to people. */
  switch: {
    readonly from: Transport;
    readonly to: Transport;
    readonly reason: SwitchReason;
    readonly message: string;
  };
  /** The first picture of a transport was presented. Milliseconds since `connect()`. */
  'first-frame': { readonly transport: Transport; readonly elapsedMs: number };
  /** Size of the desktop in its own pixels. */
  size: { readonly width: number; readonly height: number };
  /**
   * Who acts on the desktop, what this viewer may do (`view`: only watch), how many are connected, and whether what is
   * copied goes either way.
   */
  control: Readonly<ControlState>;
  /** Once a second while statistics are shown. */
  statistics: Statistics;
  /** Statistics are shown from now on, or no longer: by `showStatistics`, or by the key. */
  'statistics-shown': { readonly shown: boolean };
  /** Whether the desktop can be heard by this way, and whether the person wants to hear it. */
  sound: { readonly available: boolean; readonly on: boolean };
  /** Is the picture that of a running VM. */
  source: { readonly live: boolean };
  /** The guest put text on its clipboard. Not `copied`: this browser wants a click before it takes it. */
  clipboard: { readonly text: string; readonly copied: boolean };
  /** Is there an image to copy from the guest; told when that changes. See `copyImage()`. */
  image: { readonly copied: boolean };
  /** The person left the desktop by keyboard; put the focus somewhere useful. */
  leave: Record<string, never>;
  /** Something failed; the viewer goes on trying unless its status is `closed`. */
  fault: Fault;
}

/** An `EventTarget` whose events are named and typed by `Events`. */
export class TypedEvents<Events extends object> extends EventTarget {
  /** Calls `listener` with each event's detail; the returned function stops that. */
  on<Name extends keyof Events & string>(name: Name, listener: (detail: Events[Name]) => void): () => void {
    const handler = (event: Event) => listener((event as CustomEvent<Events[Name]>).detail);
    this.addEventListener(name, handler);
    return () => this.removeEventListener(name, handler);
  }

  protected emit<Name extends keyof Events & string>(name: Name, detail: Events[Name]): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
