import { EventEmitter } from 'node:events';
import type { ViewerCandidate } from '@browser-vm/protocol';

/**
 * Tells who watches a session that something is new. History is read from the database, so a signal
 * carries no content and losing one's order loses nothing; candidates are never stored and travel here.
 */
export interface SessionSignals {
  notify(sessionId: string): void;
  candidate(sessionId: string, candidate: ViewerCandidate): void;
  /** Returns how to stop listening. */
  listen(
    sessionId: string,
    listener: { changed(): void; candidate(candidate: ViewerCandidate): void },
  ): () => void;
}

export function createSessionSignals(): SessionSignals {
  const emitter = new EventEmitter<Record<string, [ViewerCandidate | null]>>();
  emitter.setMaxListeners(0);
  return {
    notify: (sessionId) => void emitter.emit(sessionId, null),
    candidate: (sessionId, candidate) => void emitter.emit(sessionId, candidate),
    listen(sessionId, listener) {
      const receive = (candidate: ViewerCandidate | null): void =>
        candidate === null ? listener.changed() : listener.candidate(candidate);
      emitter.on(sessionId, receive);
      return () => emitter.off(sessionId, receive);
    },
  };
}
