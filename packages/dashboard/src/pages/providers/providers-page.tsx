import type { Fault } from '@browser-vm/protocol';
import { useEffect, useState } from 'react';
import { api, toFault } from '../../api/client.ts';
import { navigate, useAddress } from '../../router/location.ts';
import { providersPath, sessionPath } from '../../router/paths.ts';
import { Layout } from '../../ui/layout.tsx';
import { FaultNotice } from '../../ui/notice.tsx';
import { SignedOut } from '../../ui/signed-out.tsx';
import { useNow } from '../../ui/use-now.ts';
import { askForIceServersEarly } from '../../viewer/connection/http-signaling.ts';
import { cardState } from './card-state.ts';
import { HostNotice } from './host-notice.tsx';
import { HostSummary } from './host-summary.tsx';
import { ProviderCard } from './provider-card.tsx';
import { useHostReport } from './use-host-report.ts';
import { useOverview } from './use-overview.ts';
import { UserField } from './user-field.tsx';
import { chooseUserId, rememberedUserId, rememberUserId } from './user-id.ts';

/** Minutes are the finest that the cards show. Milliseconds. */
const CLOCK_MS = 30_000;

export function ProvidersPage() {
  const address = useAddress();
  const userId = chooseUserId(address.searchParams.get('user'), rememberedUserId());
  const { resource, reload } = useOverview(userId);
  const host = useHostReport();
  const [starting, setStarting] = useState<string | null>(null);
  const [fault, setFault] = useState<Fault | null>(null);
  const now = useNow(CLOCK_MS);

  useEffect(() => {
    document.title = 'Remote CLI · Polydev Browser VM';
    rememberUserId(userId);
    if (new URL(location.href).searchParams.get('user') !== userId)
      navigate(providersPath(userId), { replace: true });
  }, [userId]);

  const connect = async (provider: string) => {
    setStarting(provider);
    setFault(null);
    askForIceServersEarly();
    try {
      const { sessionId } = await api.start(userId, provider);
      navigate(sessionPath(sessionId));
    } catch (error) {
      setFault(toFault(error));
      setStarting(null);
      reload();
    }
  };

  if (resource.state === 'error' && resource.status === 401) return <SignedOut />;
  return (
    <Layout aside={<UserField userId={userId} onChange={(id) => navigate(providersPath(id))} />}>
      <div className="intro">
        <h1>Remote CLI</h1>
        <p className="muted">Sign in to command-line tools in a browser that exists only for that.</p>
      </div>
      <div className="stack">
        {resource.state !== 'error' && host.resource.state === 'ready' && (
          <HostNotice report={host.resource.data} onReload={host.reload} />
        )}
        {fault !== null && <FaultNotice title="The sign-in could not be started" fault={fault} />}
        {resource.state === 'error' && (
          <FaultNotice
            title="The providers could not be loaded"
            fault={resource.fault}
            action={
              <button type="button" className="button button-quiet" onClick={reload}>
                Try again
              </button>
            }
          />
        )}
        {resource.state === 'loading' && <LoadingCards />}
        {resource.state === 'ready' && resource.data.providers.length === 0 && (
          <div className="empty">
            <h2>No providers</h2>
            <p className="muted">This controller knows no tool to sign in to.</p>
          </div>
        )}
        {resource.state === 'ready' && (
          <ul className="cards">
            {resource.data.providers.map((provider) => (
              <ProviderCard
                key={provider.id}
                provider={provider}
                state={cardState(provider.id, resource.data.credentials, resource.data.sessions, now)}
                now={now}
                starting={starting === provider.id}
                disabled={starting !== null && starting !== provider.id}
                onConnect={() => void connect(provider.id)}
              />
            ))}
          </ul>
        )}
        {resource.state === 'ready' && host.resource.state === 'ready' && (
          <HostSummary usage={host.resource.data.usage} />
        )}
      </div>
    </Layout>
  );
}

function LoadingCards() {
  return (
    <div role="status" aria-label="Loading providers" className="cards">
      <div className="card card-loading" />
      <div className="card card-loading" />
      <div className="card card-loading" />
    </div>
  );
}
