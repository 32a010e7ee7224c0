import { networkInterfaces } from 'node:os';

/** The first IPv4 address that is not loopback, or null while there is none. */
export function ownAddress(): string | null {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const address of addresses ?? []) {
      if (address.family === 'IPv4' && !address.internal) return address.address;
    }
  }
  return null;
}
