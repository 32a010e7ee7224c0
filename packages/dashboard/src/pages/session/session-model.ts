import {
  isTerminal,
  type Session,
  type SessionEvent,
  type SessionState,
  type SessionWait,
} from '@browser-vm/protocol';

/** A session as the page knows it: what was asked once, and what was pushed since. */
export interface SessionModel {
  readonly session: Session | null;
  readonly events: readonly SessionEvent[];
  /** Its place among those who wait to start; null when it waits for nothing. */
  readonly wait: SessionWait | null;
}

export const EMPTY_SESSION: SessionModel = { session: null, events: [], wait: null };

/** Adds an event; one that is known already changes nothing, so a stream may be replayed. */
export function withEvent(model: SessionModel, event: SessionEvent): SessionModel {
  if (model.events.some((known) => known.sequence === event.sequence)) return model;
  const events = [...model.events, event].sort((a, b) => a.sequence - b.sequence);
  return { ...model, events };
}

/** Its place among those who wait to start; null when it waits for nothing. */
export function waitOf(model: SessionModel): SessionWait | null {
  return model.events.some(({ event }) => event.type === 'stage') ? null : model.wait;
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
