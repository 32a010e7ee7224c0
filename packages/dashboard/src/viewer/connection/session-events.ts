import { byEventStream, byWebSocket, type EventWay } from './event-ways.ts';
import { Silence } from './silence.ts';

/** Said when the way to the controller broke without a word: what else goes that way has to be made anew. */
export const WAY_LOST = 'way-lost';
/** Events that ended are asked for again after this long. Milliseconds. */
const RETRY_MS = 3_000;
const HANDED_ON: ReadonlySet<string> = new Set(['session', 'candidate', 'wait', 'clipboard']);

/**
 * A session's events from `open` to `close`, or until nothing more can come: by WebSocket, or, where none was ever
 * opened, by event stream. When they end, or nothing comes any more without that being noticed, they are opened again and
 * go on where they were. Hands on `session`, `candidate`, `wait` and `clipboard`; says `connecting` whenever it begins, `open`,
 * `interrupted`, and `WAY_LOST`.
 */
export class SessionEvents extends EventTarget {
  readonly #path: string;
  #way: EventWay | null = null;
  #silence: Silence | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #after = 0;
  /** Was one ever opened? */
  #socketsPass = false;
  #next = byWebSocket;

  constructor(sessionId: string) {
    super();
    this.#path = `/api/auth/session/${encodeURIComponent(sessionId)}/events`;
  }

  open(): void {
    const open = this.#next;
    this.#silence = new Silence(() => {
      this.close();
      this.#takeTurns();
      this.open();
      this.#say(WAY_LOST);
    });
    this.#way = open(this.#path, this.#after, {
      opened: () => {
        this.#silence?.heard();
        this.#socketsPass ||= open === byWebSocket;
        this.#say('open');
      },
      said: (type, data, id) => {
        this.#silence?.heard();
        if (id !== null) this.#after = id;
        if (HANDED_ON.has(type)) this.dispatchEvent(new MessageEvent(type, { data }));
      },
      ended: (over) => this.#ended(over),
    });
    this.#say('connecting');
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#silence?.stop();
    this.#way?.close();
    this.#way = null;
  }

  #ended(over: boolean): void {
    const way = this.#way;
    this.#say('interrupted');
    // Whoever heard that may have closed this.
    if (this.#way !== way) return;
    this.close();
    if (over) return;
    this.#takeTurns();
    const atOnce = this.#next === byEventStream;
    this.#retry = setTimeout(() => this.open(), atOnce ? 0 : RETRY_MS);
  }

  #takeTurns(): void {
    this.#next = this.#socketsPass || this.#next === byEventStream ? byWebSocket : byEventStream;
  }

  #say(type: string): void {
    this.dispatchEvent(new Event(type));
  }
}
