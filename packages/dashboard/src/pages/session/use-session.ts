import { isTerminal } from '@browser-vm/protocol';
import { useEffect, useState } from 'react';
import { ApiError, api, toFault } from '../../api/client.ts';
import { SessionStream, type StreamState } from '../../api/session-stream.ts';
import { currentState, EMPTY_SESSION, type SessionModel, withEvent } from './session-model.ts';

export interface WatchedSession {
  readonly model: SessionModel;
  readonly stream: StreamState;
  /** Where the viewer finds its candidates; null until the stream is there. */
  readonly events: SessionStream | null;
  readonly error: ApiError | null;
}

/** One session: asked once, then pushed; asked again when it ends, for its fault and its credential. */
export function useSession(sessionId: string): WatchedSession {
  const [model, setModel] = useState(EMPTY_SESSION);
  const [stream, setStream] = useState<StreamState>('connecting');
  const [events, setEvents] = useState<SessionStream | null>(null);
  const [error, setError] = useState<ApiError | null>(null);

  useEffect(() => {
    const abort = new AbortController();
    let known = EMPTY_SESSION;
    const change = (next: SessionModel) => {
      known = next;
      setModel(next);
    };
    const ask = async () => {
      try {
        const session = await api.session(sessionId, abort.signal);
        change({ ...known, session });
        setError(null);
      } catch (thrown) {
        if (!abort.signal.aborted)
          setError(thrown instanceof ApiError ? thrown : new ApiError(0, toFault(thrown)));
      }
    };
    void ask();
    const opened = new SessionStream(sessionId, {
      event: (event) => {
        change(withEvent(known, event));
        if (event.event.type === 'state' && isTerminal(event.event.state)) void ask();
      },
      wait: (wait) => change({ ...known, wait }),
      state: setStream,
      finished: () => {
        const state = currentState(known);
        return state !== null && isTerminal(state) && known.events.some(isVmGone);
      },
    });
    setEvents(opened);
    return () => {
      abort.abort();
      opened.close();
    };
  }, [sessionId]);

  return { model, stream, events, error };
}

function isVmGone({ event }: SessionModel['events'][number]): boolean {
  return event.type === 'stage' && event.stage === 'vm_gone';
}
