import { BrowserVmError } from '@browser-vm/protocol';

export function unauthenticated(
  message = 'this needs a valid token, cookie or sign-in code',
): BrowserVmError {
  return new BrowserVmError(
    {
      code: 'unauthenticated',
      message,
      hop: 'authentication',
      remedy: 'send the API token as "authorization: Bearer TOKEN", or open a new sign-in link',
    },
    { status: 401 },
  );
}

export function forbidden(message: string): BrowserVmError {
  return new BrowserVmError({ code: 'forbidden', message, hop: 'authentication' }, { status: 403 });
}

export function foreignOrigin(origin: string | undefined): BrowserVmError {
  return new BrowserVmError(
    {
      code: 'foreign_origin',
      message: `a request from ${origin ?? 'an unnamed origin'} may not act with this cookie`,
      hop: 'authentication',
      remedy: 'when a reverse proxy stands before the controller, set BROWSER_VM_PUBLIC_URL',
    },
    { status: 403 },
  );
}
