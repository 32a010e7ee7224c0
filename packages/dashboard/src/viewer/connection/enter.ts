import createClient from 'openapi-fetch';
import type { paths } from '../../generated/openapi.d.ts';
import { accepted } from './accepted.ts';

/** Turns a viewer token into the cookie of its session. Rejects with a `ViewerError`. */
export async function viewerCookieEntered(sessionId: string, token: string): Promise<void> {
  const client = createClient<paths>({ baseUrl: location.origin, credentials: 'same-origin' });
  const answer = await client.POST('/api/auth/session/{id}/viewer-cookie', {
    params: { path: { id: sessionId } },
    headers: { authorization: `Bearer ${token}` },
  });
  accepted(answer);
}
