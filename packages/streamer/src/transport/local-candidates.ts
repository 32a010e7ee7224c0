import { BlockList, isIP } from 'node:net';
import { WORD } from './sdp.ts';

export interface Addresses {
  /** Where this host is reached besides its own addresses, with the same ports. */
  readonly announced: readonly string[];
  /** Subnets, as ADDRESS/PREFIX, whose addresses no viewer is told. */
  readonly hidden: readonly string[];
  /** Subnets outside of which no viewer is told an own address; null: there is no such bound. */
  readonly offered: readonly string[] | null;
  /** May viewers connect by TCP? */
  readonly tcp: boolean;
}

/** They mean something on one wire alone. */
const LINK_LOCAL = ['169.254.0.0/16', 'fe80::/10'];

/** What a viewer is told of the candidates that were found on this host. */
export class LocalCandidates {
  readonly #announced: readonly string[];
  readonly #hidden: BlockList;
  readonly #offered: BlockList | null;
  readonly #tcp: boolean;

  /** Throws for a subnet that is none. */
  constructor({ announced, hidden, offered, tcp }: Addresses) {
    this.#tcp = tcp;
    this.#announced = announced;
    this.#hidden = listOf([...hidden, ...LINK_LOCAL]);
    this.#offered = offered === null ? null : listOf(offered);
  }

  /**
   * The candidate, and the same port at each announced address of its family; through a relay or a NAT, without the own
   * address behind it. None for what no viewer can or shall reach: addresses that are hidden or not offered, and TCP
   * where it is off, or where we would have to connect: no browser listens (RFC 6544).
   */
  told(candidate: string): readonly string[] {
    const words = candidate.split(' ');
    const address = words[WORD.address] ?? '';
    if (words[WORD.protocol]?.toLowerCase() !== 'udp' && !(this.#tcp && listens(words))) return [];
    if (isIP(address) === 0 || this.#hidden.check(address, familyOf(address))) return [];
    if (words[WORD.type] !== 'host') return [withoutBase(words)];
    if (this.#offered !== null && !this.#offered.check(address, familyOf(address))) return [];
    const elsewhere = this.#announced
      .filter((other) => other !== address && isIP(other) === isIP(address))
      .map((other, index) =>
        words.with(WORD.foundation, `${words[WORD.foundation]}${index}`).with(WORD.address, other).join(' '),
      );
    return [candidate, ...elsewhere];
  }

  /** The same for the candidates that stand in a session description. */
  describe(sdp: string): string {
    const lines = sdp.split('\r\n').flatMap((line) => {
      if (!line.startsWith('a=candidate:')) return [line];
      return this.told(line.slice('a='.length)).map((told) => `a=${told}`);
    });
    return lines.join('\r\n');
  }
}

function listens(words: readonly string[]): boolean {
  return words[WORD.protocol]?.toLowerCase() === 'tcp' && words[words.indexOf('tcptype') + 1] === 'passive';
}

function listOf(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', prefix = ''] = subnet.split('/');
    list.addSubnet(address, Number(prefix), familyOf(address));
  }
  return list;
}

/** As browsers write it for pages that may not know their own addresses (RFC 8839, 5.1). */
function withoutBase(words: readonly string[]): string {
  const base = words.indexOf('raddr');
  const port = words.indexOf('rport');
  if (base < 0 || port < 0) return words.join(' ');
  const none = isIP(words[base + 1] ?? '') === 6 ? '::' : '0.0.0.0';
  return words
    .with(base + 1, none)
    .with(port + 1, '0')
    .join(' ');
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
