import { BrowserVmError, type ProviderDescriptor } from '@browser-vm/protocol';
import { lastLines } from '../redact.ts';
import type { Ended } from './terminal.ts';

/** Lines of a tool's output that a fault shows. */
const SHOWN = 5;

const AGAIN = 'start a new session';

function fault(
  provider: ProviderDescriptor,
  code: string,
  message: string,
  details?: Record<string, unknown>,
): BrowserVmError {
  return new BrowserVmError({
    code,
    message: `${provider.name}: ${message}`,
    hop: 'provider',
    remedy: AGAIN,
    ...(details && { details }),
  });
}

/** The tool ended with a code that does not mean success. */
export function toolFailed(provider: ProviderDescriptor, ended: Ended, output: string): BrowserVmError {
  const lines = lastLines(output, SHOWN);
  const { denied } = provider.login;
  if (denied !== undefined && new RegExp(denied).test(output)) {
    return fault(provider, 'sign_in_denied', `the sign-in was denied: ${lines.at(-1) ?? ''}`, {
      lastLines: lines,
    });
  }
  const how =
    ended.signal > 0 ? `was ended by signal ${ended.signal}` : `ended with exit code ${ended.exitCode}`;
  return fault(provider, 'tool_failed', `${provider.tool} ${how}: ${lines.at(-1) ?? 'it printed nothing'}`, {
    exitCode: ended.exitCode,
    signal: ended.signal,
    lastLines: lines,
  });
}

export function toolMissing(provider: ProviderDescriptor, path: string): BrowserVmError {
  return fault(provider, 'tool_missing', `no program ${provider.login.argv[0]} in ${path}`);
}

export function timedOut(provider: ProviderDescriptor): BrowserVmError {
  return fault(provider, 'sign_in_timeout', `nobody signed in within ${provider.login.timeoutSeconds} s`);
}

export function credentialIncomplete(provider: ProviderDescriptor, why: string): BrowserVmError {
  return fault(
    provider,
    'credential_incomplete',
    `${provider.tool} ended well, but ~/${provider.credential.path} holds no credential: ${why}`,
  );
}

export function statusRefused(
  provider: ProviderDescriptor,
  exitCode: number | null,
  lines: readonly string[],
): BrowserVmError {
  return fault(
    provider,
    'status_refused',
    `${provider.tool} itself says it is not signed in (exit code ${exitCode}): ${lines.at(-1) ?? ''}`,
    { lastLines: lines },
  );
}
