import { BlockList, isIP } from 'node:net';

export interface Addresses {
  /** Where this host is reached besides its own addresses, with the same ports. */
  readonly announced: readonly string[];
  /** Subnets, as ADDRESS/PREFIX, whose addresses no viewer is told. */
  readonly hidden: readonly string[];
}

/** `candidate:FOUNDATION COMPONENT PROTOCOL PRIORITY ADDRESS PORT typ TYPE ...` (RFC 8839, 5.1). */
const WORD = { foundation: 0, protocol: 2, address: 4, type: 7 } as const;

/** What a viewer is told of the candidates that libwebrtc found on this host. */
export class LocalCandidates {
  readonly #announced: readonly string[];
  readonly #hidden = new BlockList();

  /** Throws for an address or a subnet that is none. */
  constructor({ announced, hidden }: Addresses) {
    this.#announced = announced;
    for (const subnet of hidden) {
      const [address = '', prefix = ''] = subnet.split('/');
      this.#hidden.addSubnet(address, Number(prefix), familyOf(address));
    }
  }

  /**
   * The candidate, and the same port at each announced address of its family. None for what no viewer can reach:
   * hidden addresses, and TCP, for which libwebrtc only ever connects, as browsers do.
   */
  told(candidate: string): readonly string[] {
    const words = candidate.split(' ');
    const address = words[WORD.address] ?? '';
    if (words[WORD.protocol]?.toLowerCase() !== 'udp') return [];
    if (isIP(address) === 0 || this.#hidden.check(address, familyOf(address))) return [];
    if (words[WORD.type] !== 'host') return [candidate];
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

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
