import { BrowserVmError, type Configuration, type IceServer, iceServerSchema } from '@browser-vm/protocol';
import { z } from 'zod';

/** Throws `invalid_configuration` when the key does not hold what WebRTC expects. */
export function iceServersOf(configuration: Configuration): IceServer[] {
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
