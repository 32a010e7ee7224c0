import { isTerminal } from '@browser-vm/protocol';
import { useCallback, useEffect } from 'react';
import { api } from '../../api/client.ts';
import { SessionStream } from '../../api/session-stream.ts';
import { useResource } from '../../api/use-resource.ts';

/** Providers, and what one user has signed in to or is signing in to; kept current by events. */
export function useOverview(userId: string) {
  const load = useCallback(
    async (signal: AbortSignal) => {
      const [providers, credentials, sessions] = await Promise.all([
        api.providers(signal),
        api.credentials(userId, signal),
        api.sessions(userId, signal),
      ]);
      return { providers, credentials, sessions };
    },
    [userId],
  );
  const overview = useResource(load);
  const { resource, reload } = overview;

  const sessions = resource.state === 'ready' ? resource.data.sessions : [];
  const running = sessions
    .filter((session) => !isTerminal(session.status))
    .map((session) => session.sessionId);
  const watched = running.join(' ');
  useEffect(() => {
    if (watched === '') return;
    const streams = watched.split(' ').map((sessionId) => {
      let ended = false;
      return new SessionStream(sessionId, {
        event: ({ event }) => {
          if (event.type !== 'state' || !isTerminal(event.state)) return;
          ended = true;
          reload();
        },
        state: () => {},
        finished: () => ended,
      });
    });
    return () => {
      for (const stream of streams) stream.close();
    };
  }, [watched, reload]);

  useEffect(() => {
    const refresh = () => {
      if (document.visibilityState === 'visible') reload();
    };
    document.addEventListener('visibilitychange', refresh);
    return () => document.removeEventListener('visibilitychange', refresh);
  }, [reload]);

  return overview;
}
