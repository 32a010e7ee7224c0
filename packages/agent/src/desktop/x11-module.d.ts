/** What is used of it; it brings no types. */
declare module 'x11' {
  import type { Duplex } from 'node:stream';

  type Answer<Value> = (error: Error | null, value: Value) => void;

  interface SelectionEvent {
    /** `name` is that of XFixes' event as of the core's; these tell them apart. */
    readonly name: string;
    readonly owner?: number;
    readonly requestor?: number;
    readonly property?: number;
  }

  interface Client {
    on(event: 'event', listener: (event: SelectionEvent) => void): void;
    on(event: 'error', listener: (error: Error) => void): void;
    on(event: 'end', listener: () => void): void;
    /** Numbers of the atoms that need not be asked for, by name. */
    atoms: Record<string, number>;
    AllocID(): number;
    InternAtom(onlyIfExists: boolean, name: string, answer: Answer<number>): void;
    CreateWindow(id: number, parent: number, x: number, y: number, width: number, height: number): void;
    ConvertSelection(requestor: number, selection: number, target: number, property: number): void;
    /** Offset and length in units of four bytes. */
    GetProperty(
      remove: number,
      window: number,
      name: number,
      type: number,
      offset: number,
      length: number,
      answer: Answer<{ readonly data: Buffer }>,
    ): void;
    require(name: 'fixes', answer: Answer<Fixes>): void;
    terminate(): void;
  }

  interface Fixes {
    readonly SelectionEventMask: {
      readonly SetSelectionOwner: number;
      readonly SelectionWindowDestroy: number;
      readonly SelectionClientClose: number;
    };
    SelectSelectionInput(window: number, selection: number, mask: number): void;
  }

  interface Display {
    readonly client: Client;
    readonly screen: readonly { readonly root: number }[];
  }

  function createClient(options: { readonly stream: Duplex }, answer: Answer<Display>): Client;
  const x11: { readonly createClient: typeof createClient };

  export { type Client, type Display, type Fixes, type SelectionEvent };
  export default x11;
}
