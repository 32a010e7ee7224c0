import { useId } from 'react';
import type { Provider } from '../../api/client.ts';
import { Link } from '../../router/link.tsx';
import { sessionPath } from '../../router/paths.ts';
import { Badge, type Tone } from '../../ui/badge.tsx';
import { Icon } from '../../ui/icon.tsx';
import { exactTime, relativeTime } from '../../ui/time.ts';
import { STATE_LABELS } from '../session/state-labels.ts';
import type { CardState } from './card-state.ts';

interface ProviderCardProps {
  readonly provider: Provider;
  readonly state: CardState;
  readonly now: number;
  readonly starting: boolean;
  /** Another card is starting a session. */
  readonly disabled: boolean;
  readonly onConnect: () => void;
}

/** One provider: what it is, how it stands, and the one thing to do next. */
export function ProviderCard({ provider, state, now, starting, disabled, onConnect }: ProviderCardProps) {
  const headingId = useId();
  const badge = badgeOf(state);
  return (
    <li
      className="card"
      data-testid={`provider-card-${provider.id}`}
      data-state={state.kind}
      aria-labelledby={headingId}
    >
      <div className="card-head">
        <span className="monogram" aria-hidden="true">
          {provider.name.replace(/^.*\s/, '').slice(0, 1)}
        </span>
        <div className="card-title">
          <h2 id={headingId}>{provider.name}</h2>
          <p className="muted">
            <code>{provider.tool}</code> {provider.version}
          </p>
        </div>
        <Badge tone={badge.tone} busy={state.kind === 'in_progress'}>
          {badge.text}
        </Badge>
      </div>
      <div className="card-body">
        <Description state={state} now={now} />
      </div>
      <div className="card-actions">
        {state.kind === 'in_progress' ? (
          <Link
            className="button button-primary"
            href={sessionPath(state.session.sessionId)}
            data-testid={`resume-${provider.id}`}
          >
            Resume sign-in
            <Icon name="arrow-right" />
          </Link>
        ) : (
          <button
            type="button"
            className={isPrimary(state) ? 'button button-primary' : 'button'}
            onClick={onConnect}
            disabled={starting || disabled}
            aria-busy={starting}
            aria-describedby={headingId}
            data-testid={`connect-${provider.id}`}
          >
            {starting ? 'Starting…' : actionOf(state)}
          </button>
        )}
      </div>
    </li>
  );
}

function Description({ state, now }: { state: CardState; now: number }) {
  switch (state.kind) {
    case 'idle':
      return <p className="muted">Sign in once in a throw-away browser. The credential is kept encrypted.</p>;
    case 'in_progress':
      return (
        <p className="muted">
          {STATE_LABELS[state.session.status]}, started <Time at={state.session.createdAt} now={now} />.
        </p>
      );
    case 'failed':
      return <Failure state={state} />;
    case 'connected':
      return (
        <>
          <dl className="facts">
            <div>
              <dt>Account</dt>
              <dd data-testid="account">{state.credential.account ?? 'not named by the tool'}</dd>
            </div>
            <div>
              <dt>Connected</dt>
              <dd>
                <Time at={state.credential.updatedAt} now={now} />
              </dd>
            </div>
            {state.credential.expiresAt !== null && (
              <div>
                <dt>{state.expired ? 'Expired' : 'Expires'}</dt>
                <dd>
                  <Time at={state.credential.expiresAt} now={now} />
                </dd>
              </div>
            )}
          </dl>
          {state.failure !== null && (
            <p className="muted">The last attempt to reconnect failed: {reasonOf(state.failure)}</p>
          )}
        </>
      );
  }
}

function Failure({ state }: { state: Extract<CardState, { kind: 'failed' }> }) {
  return (
    <>
      <p className="reason">{reasonOf(state.session)}</p>
      {state.session.fault?.remedy !== undefined && <p className="muted">{state.session.fault.remedy}</p>}
      <p>
        <Link href={sessionPath(state.session.sessionId)}>Details</Link>
      </p>
    </>
  );
}

function Time({ at, now }: { at: string; now: number }) {
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={exactTime(time)}>
      {relativeTime(time, now)}
    </time>
  );
}

function reasonOf(session: { fault: { message: string } | null }): string {
  return session.fault?.message ?? 'the reason was not recorded';
}

function badgeOf(state: CardState): { tone: Tone; text: string } {
  switch (state.kind) {
    case 'idle':
      return { tone: 'neutral', text: 'Not connected' };
    case 'in_progress':
      return { tone: 'accent', text: 'In progress' };
    case 'failed':
      return { tone: 'danger', text: 'Failed' };
    case 'connected':
      return state.expired ? { tone: 'warning', text: 'Expired' } : { tone: 'success', text: 'Connected' };
  }
}

function actionOf(state: CardState): string {
  if (state.kind === 'connected') return 'Reconnect';
  return state.kind === 'failed' ? 'Try again' : 'Connect';
}

function isPrimary(state: CardState): boolean {
  return state.kind !== 'connected' || state.expired;
}
