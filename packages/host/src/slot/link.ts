import { BrowserVmError } from '@browser-vm/protocol';

/** Addresses of the wire between the host and one slot: a /30 of its own. */
export interface Link {
  readonly host: string;
  readonly slot: string;
  readonly prefixLength: 30;
}

/** The link of a slot. Throws `bad_slot_subnet` for what is no IPv4 subnet, and beyond its capacity. */
export function linkOf(subnet: string, index: number): Link {
  const { base, capacity } = parse(subnet);
  if (index >= capacity) {
    throw bad(`${subnet} has room for ${capacity} slots, this is number ${index + 1}`);
  }
  const network = base + index * 4;
  return { host: text(network + 1), slot: text(network + 2), prefixLength: 30 };
}

/** How many slots a subnet has room for. */
export function capacityOf(subnet: string): number {
  return parse(subnet).capacity;
}

function parse(subnet: string): { readonly base: number; readonly capacity: number } {
  const [, address, bits] = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(subnet) ?? [];
  const octets = (address ?? '').split('.').map(Number);
  const prefixLength = Number(bits);
  if (octets.length !== 4 || octets.some((octet) => octet > 255) || prefixLength < 8 || prefixLength > 30) {
    throw bad(`${subnet} is no IPv4 subnet from /8 to /30`);
  }
  const size = 2 ** (32 - prefixLength);
  const address32 = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  if (address32 % size !== 0) throw bad(`${subnet} does not start at a multiple of its size`);
  return { base: address32, capacity: size / 4 };
}

function text(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

function bad(message: string): BrowserVmError {
  return new BrowserVmError({
    code: 'bad_slot_subnet',
    message,
    hop: 'configuration',
    remedy: 'set BROWSER_VM_SLOT_SUBNET to an unused private subnet, such as 10.231.0.0/16',
  });
}
