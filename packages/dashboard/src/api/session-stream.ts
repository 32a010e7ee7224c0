import { type SessionEvent, sessionEventSchema } from '@browser-vm/protocol';
import { onSilence, WAY_LOST } from '../viewer/connection/silence.ts';
import { eventsUrl } from './client.ts';

/** A stream that the server refused is asked for again after this long. Milliseconds. */
const RETRY_MS = 3_000;

export type StreamState = 'connecting' | 'live' | 'ended';

export interface SessionStreamListeners {
  readonly event: (event: SessionEvent) => void;
  readonly state: (state: StreamState) => void;
  /** Asked when the server ends the stream: false, and it is asked for again. */
  readonly finished: () => boolean;
}

/**
 * A session as it happens. The browser reconnects with Last-Event-ID by itself; where it gives up,
 * or does not notice that nothing comes any more, this begins again and history is repeated. Also hands on the stream's other events: `candidate`;
 * and says `WAY_LOST`.
 */
export class SessionStream extends EventTarget {
  readonly #sessionId: string;
  readonly #listeners: SessionStreamListeners;
  #source: EventSource | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #stopListening = () => {};

  constructor(sessionId: string, listeners: SessionStreamListeners) {
    super();
    this.#sessionId = sessionId;
    this.#listeners = listeners;
    this.#open();
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#stopListening();
    this.#source?.close();
    this.#source = null;
  }

  #open(): void {
    const source = new EventSource(eventsUrl(this.#sessionId));
    this.#source = source;
    this.#stopListening();
    this.#stopListening = onSilence(source, () => {
      source.close();
      this.#open();
      this.dispatchEvent(new Event(WAY_LOST));
    });
    this.#listeners.state('connecting');
    source.addEventListener('open', () => this.#listeners.state('live'));
    source.addEventListener('session', ({ data }) => {
      const event = sessionEventSchema.safeParse(JSON.parse(data));
      if (event.success) this.#listeners.event(event.data);
      else console.warn('dashboard: an event of the session was not understood', event.error.message);
    });
    source.addEventListener('candidate', ({ data }) => {
      this.dispatchEvent(new MessageEvent('candidate', { data }));
    });
    source.addEventListener('error', () => this.#interrupted(source));
  }

  #interrupted(source: EventSource): void {
    if (this.#source !== source) return;
    if (this.#listeners.finished()) {
      this.close();
      this.#listeners.state('ended');
      return;
    }
    this.#listeners.state('connecting');
    if (source.readyState !== EventSource.CLOSED) return;
    this.#stopListening();
    this.#retry = setTimeout(() => this.#open(), RETRY_MS);
  }
}
