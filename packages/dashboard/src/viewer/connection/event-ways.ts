import { SESSION_OVER_CODE, streamedEventSchema } from '@browser-vm/protocol';

/** What comes over a session's events, whichever way they take. Nothing after `ended`, nor after the way was closed. */
export interface EventListeners {
  readonly opened: () => void;
  /** `data` is JSON; `id` is its sequence, of events that have one. */
  readonly said: (type: string, data: string, id: number | null) => void;
  /** `over`: nothing more can come, ever. */
  readonly ended: (over: boolean) => void;
}

export interface EventWay {
  close(): void;
}

/** Opens the events at this address, after that sequence. */
export type OpenEvents = (url: string, after: number, listeners: EventListeners) => EventWay;

const TYPES = ['session', 'candidate', 'wait', 'clipboard', 'heartbeat'] as const;

/** A browser keeps hundreds of these to one place. */
export const byWebSocket: OpenEvents = (path, after, listeners) => {
  const url = new URL(`${path}?after=${after}`, location.origin);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url);
  let closed = false;
  socket.addEventListener('open', () => {
    if (!closed) listeners.opened();
  });
  socket.addEventListener('message', ({ data }) => {
    if (closed) return;
    const frame = streamedEventSchema.safeParse(JSON.parse(String(data)));
    if (frame.success)
      listeners.said(frame.data.event, JSON.stringify(frame.data.data), frame.data.id ?? null);
  });
  socket.addEventListener('close', ({ code }) => {
    if (!closed) listeners.ended(code === SESSION_OVER_CODE);
  });
  return {
    close() {
      closed = true;
      socket.close();
    },
  };
};

/** For where no WebSocket gets through. A browser keeps six of these to one place, all its tabs together. */
export const byEventStream: OpenEvents = (path, after, listeners) => {
  const source = new EventSource(`${path}?after=${after}`);
  source.addEventListener('open', () => listeners.opened());
  for (const type of TYPES) {
    source.addEventListener(type, ({ data, lastEventId }) =>
      listeners.said(type, data, type === 'session' ? Number(lastEventId) : null),
    );
  }
  source.addEventListener('error', () => {
    // It would ask again by itself, and go on where it was by another name than ours.
    source.close();
    listeners.ended(false);
  });
  return { close: () => source.close() };
};
