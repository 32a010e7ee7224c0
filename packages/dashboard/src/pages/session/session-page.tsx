import { type Fault, isTerminal, type SessionState } from '@browser-vm/protocol';
import { useCallback, useEffect, useState } from 'react';
import { api, toFault } from '../../api/client.ts';
import { useResource } from '../../api/use-resource.ts';
import { Link } from '../../router/link.tsx';
import { navigate } from '../../router/location.ts';
import { PATHS, providersPath, sessionPath } from '../../router/paths.ts';
import { Badge } from '../../ui/badge.tsx';
import { Icon } from '../../ui/icon.tsx';
import { Layout } from '../../ui/layout.tsx';
import { FaultNotice } from '../../ui/notice.tsx';
import { SignedOut } from '../../ui/signed-out.tsx';
import { type EndedState, EndState } from './end-state.tsx';
import { currentState, isInStandby, waitOf } from './session-model.ts';
import { STATE_LABELS, STATE_TONES } from './state-labels.ts';
import { timeline } from './timeline.ts';
import { TimelineList } from './timeline-list.tsx';
import { useSession } from './use-session.ts';
import { ViewerPanel } from './viewer-panel.tsx';

const HINTS: Readonly<Record<SessionState, string>> = {
  starting: 'A virtual machine is being prepared for this sign-in alone.',
  ready: 'The desktop is there; the sign-in page opens next.',
  signing_in: 'Sign in on the desktop below, as you would on your own computer.',
  completed: '',
  failed: '',
  cancelled: '',
  expired: '',
};

const STANDBY_HINT = 'Paused to save resources; it wakes at your first touch.';

export function SessionPage({ sessionId }: { sessionId: string }) {
  const { model, stream, events, error } = useSession(sessionId);
  const { session } = model;
  const state = currentState(model);
  const [cancelling, setCancelling] = useState(false);
  const [retrying, setRetrying] = useState(false);
  const [fault, setFault] = useState<Fault | null>(null);
  const about = useAbout(session?.userId ?? null, state === 'completed');
  const provider = about?.providers.find(({ id }) => id === session?.provider);
  const providerName = provider?.name ?? session?.provider ?? 'the tool';
  const account =
    about?.credentials.find(({ credentialId }) => credentialId === session?.credentialId)?.account ?? null;

  useEffect(() => {
    document.title = `${state === null ? 'Sign-in' : STATE_LABELS[state]} · Polydev Browser VM`;
  }, [state]);

  const cancel = async () => {
    setCancelling(true);
    setFault(null);
    try {
      await api.cancel(sessionId);
    } catch (thrown) {
      setFault(toFault(thrown));
    }
    setCancelling(false);
  };
  const retry = async () => {
    if (session === null) return;
    setRetrying(true);
    setFault(null);
    try {
      navigate(sessionPath((await api.start(session.userId, session.provider)).sessionId));
    } catch (thrown) {
      setFault(toFault(thrown));
      setRetrying(false);
    }
  };

  if (error?.status === 401) return <SignedOut />;
  if (session === null && error !== null) return <Unavailable fault={error.fault} />;
  const ended = state !== null && isTerminal(state);
  const waiting = state === 'starting' ? waitOf(model) : null;
  return (
    <Layout wide>
      <div className="session-head">
        {about !== null && session !== null && (
          <Link className="back" href={providersPath(session.userId)}>
            <Icon name="arrow-left" />
            <span className="visually-hidden">Back to </span>Remote CLI
          </Link>
        )}
        <div className="session-title">
          <h1>{session === null ? 'Sign-in' : `Sign in to ${providerName}`}</h1>
          <span role="status" data-testid="session-status" data-state={state ?? 'loading'}>
            <Badge tone={state === null ? 'neutral' : STATE_TONES[state]} busy={!ended}>
              {state === null ? 'Loading' : STATE_LABELS[state]}
            </Badge>
          </span>
        </div>
        {state !== null && HINTS[state] !== '' && (
          <p className="muted" data-testid="session-hint">
            {isInStandby(model) && !ended && `${STANDBY_HINT} `}
            {waiting === null
              ? HINTS[state]
              : `This sign-in waits: ${waiting.message}. It goes on by itself.`}
          </p>
        )}
      </div>
      {fault !== null && <FaultNotice title="That did not work" fault={fault} />}
      {stream === 'connecting' && model.events.length > 0 && !ended && (
        <p className="muted" role="status">
          The connection to the controller was interrupted. Reconnecting…
        </p>
      )}
      <div className="session">
        {ended ? (
          <EndState
            state={state as EndedState}
            session={session}
            providerName={providerName}
            account={account}
            retrying={retrying}
            onRetry={about === null ? null : () => void retry()}
          />
        ) : (
          // Also while the state is still asked for: the offer waits for nothing. Without a place there is nothing to offer to.
          events !== null &&
          waiting === null && (
            <ViewerPanel
              sessionId={sessionId}
              events={events}
              mayInvite={about !== null}
              cancelling={cancelling}
              onCancel={() => void cancel()}
            />
          )
        )}
        <aside className="panel" aria-labelledby="progress-heading">
          <h2 id="progress-heading">Progress</h2>
          <TimelineList steps={timeline(model.events, state ?? 'starting', waiting)} wait={waiting} />
        </aside>
      </div>
    </Layout>
  );
}

/** Names for the page: providers and the user's credentials. Null for a viewer of this session alone, who may not ask. */
function useAbout(userId: string | null, completed: boolean) {
  const load = useCallback(
    async (signal: AbortSignal) => {
      if (userId === null) return null;
      const [providers, credentials] = await Promise.all([
        api.providers(signal),
        api.credentials(userId, signal),
      ]);
      return { providers, credentials };
    },
    [userId],
  );
  const { resource, reload } = useResource(load);
  // A completed session has made a new credential.
  useEffect(() => {
    if (completed) reload();
  }, [completed, reload]);
  return resource.state === 'ready' ? resource.data : null;
}

function Unavailable({ fault }: { fault: Fault }) {
  return (
    <Layout>
      <section className="end" role="alert" data-testid="session-unavailable">
        <span className="end-icon end-danger">
          <Icon name="alert" />
        </span>
        <h1>This session cannot be shown</h1>
        <p className="reason">{fault.message}</p>
        {fault.remedy !== undefined && <p className="muted">{fault.remedy}</p>}
        <div className="end-actions">
          <Link className="button" href={PATHS.providers}>
            <Icon name="arrow-left" />
            Back
          </Link>
        </div>
      </section>
    </Layout>
  );
}
