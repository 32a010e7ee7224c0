import { readFile } from 'node:fs/promises';
import { BrowserVmError, type Configuration } from '@browser-vm/protocol';
import type { ResolverConfiguration } from './messages.ts';

/** Records and upstreams as configured; without upstreams the host's own from /etc/resolv.conf. */
export async function resolverConfiguration(configuration: Configuration): Promise<ResolverConfiguration> {
  const configured = configuration.BROWSER_VM_DNS_SERVERS;
  return {
    records: configuration.BROWSER_VM_HOST_RECORDS.map(parseRecord),
    upstreams: configured.length > 0 ? configured : await hostUpstreams(),
  };
}

/** `name=address` */
export function parseRecord(pair: string): { readonly name: string; readonly address: string } {
  const [, name, address] = /^([A-Za-z0-9._-]+)=((?:\d{1,3}\.){3}\d{1,3})$/.exec(pair) ?? [];
  if (
    name === undefined ||
    address === undefined ||
    address.split('.').some((octet) => Number(octet) > 255)
  ) {
    throw new BrowserVmError({
      code: 'bad_host_record',
      message: `BROWSER_VM_HOST_RECORDS: "${pair}" is not name=address with an IPv4 address`,
      hop: 'configuration',
    });
  }
  return { name: name.toLowerCase(), address };
}

async function hostUpstreams(): Promise<string[]> {
  const text = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  return [...text.matchAll(/^nameserver\s+([0-9a-fA-F.:]+)\s*$/gm)].map((match) => match[1]!);
}
