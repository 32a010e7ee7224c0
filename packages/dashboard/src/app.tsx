import { useEffect } from 'react';
import { ProvidersPage } from './pages/providers/providers-page.tsx';
import { SessionPage } from './pages/session/session-page.tsx';
import { navigate, useAddress } from './router/location.ts';
import { PATHS } from './router/paths.ts';

export function App() {
  const address = useAddress();
  const path = address.pathname.replace(/\/+$/, '');
  const known = path === PATHS.providers || path === PATHS.session;
  useEffect(() => {
    if (!known) navigate(PATHS.providers, { replace: true });
  }, [known]);
  if (path === PATHS.session) {
    const sessionId = address.searchParams.get('session') ?? '';
    return <SessionPage key={sessionId} sessionId={sessionId} />;
  }
  return known ? <ProvidersPage /> : null;
}
