import {
  type SessionEvent,
  type SessionWait,
  sessionEventSchema,
  sessionPlaceSchema,
} from '@browser-vm/protocol';
import { SessionEvents } from '../viewer/connection/session-events.ts';

export type StreamState = 'connecting' | 'live' | 'ended';

export interface SessionStreamListeners {
  readonly event: (event: SessionEvent) => void;
  /** Its place among those who wait to start; null when it waits for nothing. */
  readonly wait?: (wait: SessionWait | null) => void;
  readonly state: (state: StreamState) => void;
  /** Asked when the server ends the stream: false, and it is asked for again. */
  readonly finished: () => boolean;
}

/** A session as it happens, until it is over. A viewer hears its other events from it, too. */
export class SessionStream extends SessionEvents {
  constructor(sessionId: string, listeners: SessionStreamListeners) {
    super(sessionId);
    this.addEventListener('connecting', () => listeners.state('connecting'));
    this.addEventListener('open', () => listeners.state('live'));
    this.addEventListener('session', (message) => {
      const event = sessionEventSchema.safeParse(JSON.parse((message as MessageEvent<string>).data));
      if (event.success) listeners.event(event.data);
      else console.warn('dashboard: an event of the session was not understood', event.error.message);
    });
    this.addEventListener('wait', (message) => {
      const place = sessionPlaceSchema.safeParse(JSON.parse((message as MessageEvent<string>).data));
      if (place.success) listeners.wait?.(place.data.wait);
    });
    this.addEventListener('interrupted', () => {
      const finished = listeners.finished();
      if (finished) this.close();
      listeners.state(finished ? 'ended' : 'connecting');
    });
    this.open();
  }
}
