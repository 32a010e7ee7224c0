/** Who a request comes from, once that is proven. */
export type Principal =
  | { readonly kind: 'operator'; readonly via: 'api_token' | 'dashboard_cookie' }
  | { readonly kind: 'viewer'; readonly sessionId: string; readonly via: 'viewer_token' | 'viewer_cookie' }
  | { readonly kind: 'sign_in_code' };

/**
 * What a route asks of its caller. A route that says nothing is for operators.
 *
 * - `public`: anyone; `/health` alone
 * - `operator`: the API token or the dashboard's cookie
 * - `api_token`: the API token alone
 * - `session`: an operator, or a viewer of the session that the path names
 * - `viewer`: an operator, or a viewer of any session
 * - `sign_in_code`: an unused sign-in code in the query
 */
export type Access = 'public' | 'operator' | 'api_token' | 'session' | 'viewer' | 'sign_in_code';

export function usesCookie(principal: Principal): boolean {
  return (
    principal.kind !== 'sign_in_code' &&
    (principal.via === 'dashboard_cookie' || principal.via === 'viewer_cookie')
  );
}
