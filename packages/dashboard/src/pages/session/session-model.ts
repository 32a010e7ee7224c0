import { isTerminal, type Session, type SessionEvent, type SessionState } from '@browser-vm/protocol';

/** A session as the page knows it: what was asked once, and what was pushed since. */
export interface SessionModel {
  readonly session: Session | null;
  readonly events: readonly SessionEvent[];
}

export const EMPTY_SESSION: SessionModel = { session: null, events: [] };

/** Adds an event; one that is known already changes nothing, so a stream may be replayed. */
export function withEvent(model: SessionModel, event: SessionEvent): SessionModel {
  if (model.events.some((known) => known.sequence === event.sequence)) return model;
  const events = [...model.events, event].sort((a, b) => a.sequence - b.sequence);
  return { ...model, events };
}

/** Why a session that has not started yet has to wait; null when it does not. */
export function waitsFor(model: SessionModel): string | null {
  if (model.events.some(({ event }) => event.type === 'stage')) return null;
  const begun = model.events.find(({ event }) => event.type === 'state' && event.state === 'starting');
  return begun?.event.type === 'state' ? (begun.event.reason ?? null) : null;
}

/** Do its VM's CPUs stand still until somebody wants them? */
export function isInStandby(model: SessionModel): boolean {
  const last = model.events.findLast(({ event }) => event.type === 'standby' || event.type === 'awake');
  return last?.event.type === 'standby';
}

/** The newest state the page has heard of; a terminal one never changes again. */
export function currentState(model: SessionModel): SessionState | null {
  const asked = model.session?.status ?? null;
  if (asked !== null && isTerminal(asked)) return asked;
  let pushed: SessionState | null = null;
  for (const { event } of model.events) if (event.type === 'state') pushed = event.state;
  return pushed ?? asked;
}
