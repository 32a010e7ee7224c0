import { onSilence } from './silence.ts';

/** Said when the way to the controller broke without a word: what else goes that way has to be made anew. */
export const WAY_LOST = 'way-lost';
/** A stream that the server refused is asked for again after this long. Milliseconds. */
const RETRY_MS = 3_000;
const HANDED_ON = ['session', 'candidate', 'wait'] as const;

/**
 * A session's event stream from `open` to `close`. The browser reconnects with Last-Event-ID by itself; where it gives
 * up, or does not notice that nothing comes any more, this begins again and history is repeated. Hands on `session`,
 * `candidate` and `wait`; says `connecting` whenever it begins, `open`, `interrupted`, and `WAY_LOST`.
 */
export class SessionEvents extends EventTarget {
  readonly #url: string;
  #source: EventSource | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #stopListening = () => {};

  constructor(sessionId: string) {
    super();
    this.#url = `/api/auth/session/${encodeURIComponent(sessionId)}/events`;
  }

  open(): void {
    const source = new EventSource(this.#url);
    this.#source = source;
    this.#stopListening = onSilence(source, () => {
      this.close();
      this.open();
      this.#say(WAY_LOST);
    });
    this.#say('connecting');
    source.addEventListener('open', () => this.#say('open'));
    for (const type of HANDED_ON) {
      source.addEventListener(type, ({ data }) => this.dispatchEvent(new MessageEvent(type, { data })));
    }
    source.addEventListener('error', () => this.#interrupted(source));
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#stopListening();
    this.#source?.close();
    this.#source = null;
  }

  #interrupted(source: EventSource): void {
    if (this.#source !== source) return;
    this.#say('interrupted');
    // Whoever heard that may have closed this.
    if (this.#source !== source || source.readyState !== EventSource.CLOSED) return;
    this.close();
    this.#retry = setTimeout(() => this.open(), RETRY_MS);
  }

  #say(type: string): void {
    this.dispatchEvent(new Event(type));
  }
}
