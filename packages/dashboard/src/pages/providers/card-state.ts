import { type CredentialSummary, isTerminal, type Session } from '@browser-vm/protocol';

/** What a provider's card says. */
export type CardState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'in_progress'; readonly session: Session }
  /** `failure` is a later attempt that did not replace this credential. */
  | {
      readonly kind: 'connected';
      readonly credential: CredentialSummary;
      readonly expired: boolean;
      readonly failure: Session | null;
    }
  | { readonly kind: 'failed'; readonly session: Session };

/** The state of one provider's card for one user. `now` in milliseconds since the epoch. */
export function cardState(
  provider: string,
  credentials: readonly CredentialSummary[],
  sessions: readonly Session[],
  now: number,
): CardState {
  const latest = newest(sessions.filter((session) => session.provider === provider));
  if (latest !== null && !isTerminal(latest.status)) return { kind: 'in_progress', session: latest };

  const failure = latest !== null && latest.status === 'failed' ? latest : null;
  const credential = credentials.find((candidate) => candidate.provider === provider);
  if (credential === undefined)
    return failure === null ? { kind: 'idle' } : { kind: 'failed', session: failure };

  const expired = credential.expiresAt !== null && Date.parse(credential.expiresAt) <= now;
  const later = failure !== null && Date.parse(failure.createdAt) > Date.parse(credential.updatedAt);
  return { kind: 'connected', credential, expired, failure: later ? failure : null };
}

function newest(sessions: readonly Session[]): Session | null {
  return sessions.reduce<Session | null>(
    (best, session) =>
      best === null || Date.parse(session.createdAt) > Date.parse(best.createdAt) ? session : best,
    null,
  );
}
