import { randomBytes } from 'node:crypto';
import { BrowserVmError, type RehearseRequest } from '@browser-vm/protocol';
import { addEntropy, renewOwnGenerator, setClock } from './kernel.ts';
import { checkTimezone, setHostname, setMachineId, setTimezone } from './names.ts';

/** Bytes. */
const MIN_ENTROPY = 32;

/** Refuses a request that cannot make a clone of a template different from every other. */
export function checkIdentity(request: RehearseRequest): void {
  const bytes = Buffer.from(request.entropy, 'base64').length;
  if (bytes < MIN_ENTROPY) {
    throw new BrowserVmError(
      {
        code: 'invalid_request',
        message: `entropy has ${bytes} bytes, at least ${MIN_ENTROPY} are needed`,
        hop: 'request',
      },
      { status: 400 },
    );
  }
  checkTimezone(request.timezone);
}

/**
 * Clock, then entropy, then names: what comes later may depend on what came before. Returns a value drawn
 * for nothing else than to be compared with other clones'.
 */
export function becomeMachine(request: RehearseRequest): string {
  setClock(request.unixTimeMs);
  addEntropy(Buffer.from(request.entropy, 'base64'));
  renewOwnGenerator();
  setMachineId(request.machineId);
  setHostname(request.hostname);
  setTimezone(request.timezone);
  return randomBytes(16).toString('hex');
}
