import { PATHS } from './router/paths.ts';
import { viewerCookieEntered } from './viewer/connection/enter.ts';

/**
 * A link to one session carries its token in the fragment. Who comes without any cookie is let in before this page is
 * served; who was let in to another session, or with other rights to this one, is here.
 */
export async function enterByLink(): Promise<void> {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  const session = new URLSearchParams(location.search).get('session');
  if (location.pathname !== PATHS.session || token === null || session === null) return;
  history.replaceState(null, '', location.pathname + location.search);
  // A link that has ended takes nothing from whoever may come without it; the page tells the others.
  await viewerCookieEntered(session, token).catch(() => undefined);
}
