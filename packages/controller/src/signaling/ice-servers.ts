import { randomBytes } from 'node:crypto';
import { BrowserVmError, type Configuration, type IceServer, iceServerSchema } from '@browser-vm/protocol';
import { z } from 'zod';
import { readOrCreateSecret } from '../secrets/secret-file.ts';
import { turnCredential } from './turn-credential.ts';

/** The STUN and TURN servers for whoever bears that name; credentials are made for it, good for at least that long. */
export type IceServersFor = (name: string, atLeastSeconds?: number) => IceServer[];

/** RFC 7065. */
const TURN_URL = /^turns?:[^\s?]+(\?transport=(udp|tcp))?$/;

/** Throws `invalid_configuration` when a key does not hold what WebRTC expects. */
export async function createIceServers(configuration: Configuration): Promise<IceServersFor> {
  const fixed = fixedServers(configuration);
  const urls = configuration.BROWSER_VM_TURN_URLS;
  if (urls.length === 0) return () => fixed;
  for (const url of urls) if (!TURN_URL.test(url)) throw noTurnUrl(url);
  const secret =
    configuration.BROWSER_VM_TURN_SECRET ??
    (await readOrCreateSecret(configuration.BROWSER_VM_STATE_DIR, 'turn-secret', () =>
      randomBytes(32).toString('base64url'),
    ));
  return (name, atLeastSeconds = 0) => {
    const seconds = Math.max(configuration.BROWSER_VM_TURN_TTL_SECONDS, atLeastSeconds);
    return [...fixed, { urls, ...turnCredential(secret, name, new Date(Date.now() + seconds * 1000)) }];
  };
}

function fixedServers(configuration: Configuration): IceServer[] {
  try {
    return z.array(iceServerSchema).parse(JSON.parse(configuration.BROWSER_VM_ICE_SERVERS));
  } catch (cause) {
    throw new BrowserVmError(
      {
        code: 'invalid_configuration',
        message: 'BROWSER_VM_ICE_SERVERS is not a JSON array of ICE servers',
        hop: 'configuration',
        remedy: 'for example: [{"urls":["turn:turn.example.org:3478"],"username":"u","credential":"p"}]',
      },
      { cause },
    );
  }
}

function noTurnUrl(url: string): BrowserVmError {
  return new BrowserVmError({
    code: 'invalid_configuration',
    message: `BROWSER_VM_TURN_URLS has ${JSON.stringify(url)}, which is no address of a TURN server`,
    hop: 'configuration',
    remedy: 'for example: turn:turn.example.org:3478,turns:turn.example.org:5349?transport=tcp',
  });
}
