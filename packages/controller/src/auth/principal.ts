import type { ViewerMode } from '@browser-vm/protocol';

/** Who a request comes from, once that is proven. */
export type Principal =
  | { readonly kind: 'operator'; readonly via: 'api_token' | 'dashboard_cookie' }
  | {
      readonly kind: 'viewer';
      readonly sessionId: string;
      readonly mode: ViewerMode;
      readonly via: 'viewer_token' | 'viewer_cookie';
    }
  | { readonly kind: 'sign_in_code' };

/**
 * What a route asks of its caller. A route that says nothing is for operators.
 *
 * - `public`: anyone; `/health` alone
 * - `operator`: the API token or the dashboard's cookie
 * - `api_token`: the API token alone
 * - `session`: an operator, or a viewer of the session that the path names
 * - `session_control`: the same, but a viewer that may do more than watch
 * - `viewer`: an operator, or a viewer of any session
 * - `sign_in_code`: an unused sign-in code in the query
 */
export type Access =
  | 'public'
  | 'operator'
  | 'api_token'
  | 'session'
  | 'session_control'
  | 'viewer'
  | 'sign_in_code';

/** What somebody may do to a session they reach. */
export function modeOf(principal: Principal | null): ViewerMode {
  if (principal?.kind === 'operator') return 'control';
  return principal?.kind === 'viewer' ? principal.mode : 'view';
}

export function usesCookie(principal: Principal): boolean {
  return (
    principal.kind !== 'sign_in_code' &&
    (principal.via === 'dashboard_cookie' || principal.via === 'viewer_cookie')
  );
}
