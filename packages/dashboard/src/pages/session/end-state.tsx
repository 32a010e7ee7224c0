import type { Session, SessionState } from '@browser-vm/protocol';
import { type ReactNode, useEffect, useRef } from 'react';
import { Link } from '../../router/link.tsx';
import { providersPath } from '../../router/paths.ts';
import { Icon } from '../../ui/icon.tsx';

export type EndedState = Extract<SessionState, 'completed' | 'failed' | 'cancelled' | 'expired'>;

interface EndStateProps {
  readonly state: EndedState;
  readonly session: Session | null;
  readonly providerName: string;
  /** Null until it is known, or when the tool names none. */
  readonly account: string | null;
  readonly retrying: boolean;
  /** Null for people who may see this session alone. */
  readonly onRetry: (() => void) | null;
}

/** How a session ended, and where to go from here. Takes the focus, because what had it is gone. */
export function EndState({ state, session, providerName, account, retrying, onRetry }: EndStateProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  const { icon, tone, title } = LOOK[state];
  return (
    <section className="end" data-testid="end-state" data-state={state}>
      <span className={`end-icon end-${tone}`}>{icon}</span>
      <h2 ref={heading} tabIndex={-1}>
        {title}
      </h2>
      <Explanation state={state} session={session} providerName={providerName} account={account} />
      <div className="end-actions">
        {onRetry !== null && state !== 'completed' && (
          <button
            type="button"
            className="button button-primary"
            onClick={onRetry}
            disabled={retrying}
            data-testid="try-again"
          >
            {retrying ? 'Starting…' : 'Try again'}
          </button>
        )}
        {onRetry !== null && session !== null && (
          <Link className="button" href={providersPath(session.userId)} data-testid="back">
            <Icon name="arrow-left" />
            Back
          </Link>
        )}
      </div>
    </section>
  );
}

function Explanation({ state, session, providerName, account }: Omit<EndStateProps, 'retrying' | 'onRetry'>) {
  switch (state) {
    case 'completed':
      return (
        <>
          <p>
            {providerName} is connected
            {account !== null && (
              <>
                {' '}
                as <strong data-testid="account">{account}</strong>
              </>
            )}
            .
          </p>
          <p className="muted">The credential is encrypted in the vault. You can close this page.</p>
        </>
      );
    case 'failed':
      return (
        <>
          <p className="reason">{session?.fault?.message ?? 'Loading the reason…'}</p>
          {session?.fault?.remedy !== undefined && <p className="muted">{session.fault.remedy}</p>}
          {session !== null && <FailureDetails session={session} />}
        </>
      );
    case 'cancelled':
      return <p className="muted">Nothing was stored, and the virtual machine is being removed.</p>;
    case 'expired':
      return <p className="muted">The sign-in took longer than a session may. Nothing was stored.</p>;
  }
}

function FailureDetails({ session }: { session: Session }) {
  const lines = session.consoleTail ?? [];
  return (
    <details className="details">
      <summary>Technical details</summary>
      <dl className="facts">
        <div>
          <dt>Where</dt>
          <dd>{session.fault?.hop ?? 'unknown'}</dd>
        </div>
        <div>
          <dt>Code</dt>
          <dd>
            <code>{session.fault?.code ?? 'unknown'}</code>
          </dd>
        </div>
        <div>
          <dt>Session</dt>
          <dd>
            <code>{session.sessionId}</code>
          </dd>
        </div>
      </dl>
      {lines.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
        <section className="console" tabIndex={0} aria-label="Last lines of the virtual machine's console">
          <pre>{lines.join('\n')}</pre>
        </section>
      )}
    </details>
  );
}

const LOOK: Readonly<Record<EndedState, { icon: ReactNode; tone: string; title: string }>> = {
  completed: { icon: <Icon name="check" />, tone: 'success', title: 'Signed in' },
  failed: { icon: <Icon name="alert" />, tone: 'danger', title: 'The sign-in failed' },
  cancelled: { icon: <Icon name="cross" />, tone: 'neutral', title: 'Cancelled' },
  expired: { icon: <Icon name="clock" />, tone: 'warning', title: 'The session expired' },
};
