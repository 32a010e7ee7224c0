export const PATHS = { providers: '/dashboard/remote-cli', session: '/dashboard/remote-cli/auth' } as const;

export function sessionPath(sessionId: string): string {
  return `${PATHS.session}?session=${encodeURIComponent(sessionId)}`;
}

export function providersPath(userId: string): string {
  return `${PATHS.providers}?user=${encodeURIComponent(userId)}`;
}
