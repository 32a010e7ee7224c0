import { EventEmitter } from 'node:events';
import type { ViewerCandidate } from '@browser-vm/protocol';

/**
 * Tells who watches a session that something is new. History is read from the database, so a signal
 * carries no content and losing one's order loses nothing; candidates are never stored and travel here.
 */
export interface SessionSignals {
  notify(sessionId: string): void;
  /** What is told and not stored is another: `SessionService.waits` and `hasImage` know what. */
  moved(sessionId: string): void;
  candidate(sessionId: string, candidate: ViewerCandidate): void;
  /** Returns how to stop listening. */
  listen(
    sessionId: string,
    listener: { changed(): void; moved(): void; candidate(candidate: ViewerCandidate): void },
  ): () => void;
}

export function createSessionSignals(): SessionSignals {
  const emitter = new EventEmitter<Record<string, [ViewerCandidate | 'changed' | 'moved']>>();
  emitter.setMaxListeners(0);
  return {
    notify: (sessionId) => void emitter.emit(sessionId, 'changed'),
    moved: (sessionId) => void emitter.emit(sessionId, 'moved'),
    candidate: (sessionId, candidate) => void emitter.emit(sessionId, candidate),
    listen(sessionId, listener) {
      const receive = (news: ViewerCandidate | 'changed' | 'moved'): void => {
        if (news === 'changed') listener.changed();
        else if (news === 'moved') listener.moved();
        else listener.candidate(news);
      };
      emitter.on(sessionId, receive);
      return () => emitter.off(sessionId, receive);
    },
  };
}
