import { BrowserVmError, isTerminal, PROVIDERS, type SessionState } from '@browser-vm/protocol';

/** How long a refused client should wait, in seconds: about the time a sign-in takes to end. */
const RETRY_AFTER_SECONDS = 30;

export function unknownProvider(provider: string): BrowserVmError {
  const known = [...PROVIDERS.keys()];
  return new BrowserVmError(
    {
      code: 'unknown_provider',
      message: `there is no provider "${provider}"; known: ${known.join(', ')}`,
      hop: 'request',
      details: { providers: known },
    },
    { status: 400 },
  );
}

export function unknownSession(sessionId: string): BrowserVmError {
  return new BrowserVmError(
    { code: 'unknown_session', message: `there is no session ${sessionId}`, hop: 'request' },
    { status: 404 },
  );
}

export function sessionOver(sessionId: string, status: SessionState): BrowserVmError {
  return new BrowserVmError(
    {
      code: 'session_over',
      message: isTerminal(status)
        ? `session ${sessionId} is ${status}; its VM is gone`
        : `session ${sessionId} has no VM here`,
      hop: 'request',
      remedy: 'start a new session',
    },
    { status: 409 },
  );
}

export function alreadyEnded(sessionId: string, status: SessionState): BrowserVmError {
  return new BrowserVmError(
    {
      code: 'session_over',
      message: `session ${sessionId} is already ${status}`,
      hop: 'request',
    },
    { status: 409 },
  );
}

export function tooManySessions(userId: string, most: number): BrowserVmError {
  return new BrowserVmError(
    {
      code: 'user_limit',
      message: `user ${userId} has ${most} sessions open, which is the limit`,
      hop: 'request',
      remedy: 'end one of them, or raise BROWSER_VM_MAX_VMS_PER_USER',
      details: { retryAfterSeconds: RETRY_AFTER_SECONDS },
    },
    { status: 429 },
  );
}

export function viewerLeft(viewerId: string): BrowserVmError {
  return new BrowserVmError(
    { code: 'viewer_left', message: `viewer ${viewerId} left before its session started`, hop: 'viewer' },
    { status: 409 },
  );
}

export function shuttingDown(): BrowserVmError {
  return new BrowserVmError(
    { code: 'shutting_down', message: 'the controller is shutting down', hop: 'host' },
    { status: 503 },
  );
}
