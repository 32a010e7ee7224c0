import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** RFC 5737 TEST-NET-2 and RFC 3849: where the person is. */
export const PERSON = { address: '198.51.100.10', gateway: '198.51.100.1', prefix: 24 } as const;
export const PERSON_V6 = { address: '2001:db8:1::10', gateway: '2001:db8:1::1', prefix: 64 } as const;
/** RFC 5737 TEST-NET-1: where the TURN server is. */
export const TURN = { address: '192.0.2.10', gateway: '192.0.2.1', prefix: 24 } as const;
/** A NAT's address, passed on to the host. */
export const NAT_ADDRESS = '192.0.2.77';

/** What does not get through to the person and back; the rest does. nftables expressions. */
export const BLOCKS = {
  nothing: [],
  /** Between person and host, whatever the address. */
  directUdp: [
    'ip daddr != 192.0.2.10 ip saddr != 192.0.2.10 meta l4proto udp drop',
    'meta nfproto ipv6 meta l4proto udp drop',
  ],
  udp: ['meta l4proto udp drop'],
  udpOverIpv4: ['meta nfproto ipv4 meta l4proto udp drop'],
  /** All but that of the NAT. */
  udpButNat: [
    `ip daddr != ${NAT_ADDRESS} ip saddr != ${NAT_ADDRESS} meta l4proto udp drop`,
    'meta nfproto ipv6 meta l4proto udp drop',
  ],
  everything: ['drop'],
} as const satisfies Record<string, readonly string[]>;

/** The networks of a person and of a TURN server, each a namespace behind this one, which routes between them. */
export class Networks {
  readonly person = `bvt-person-${process.pid}`;
  readonly turn = `bvt-turn-${process.pid}`;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(): Promise<Networks> {
    const networks = new Networks(await mkdtemp(join(tmpdir(), 'browser-vm-networks-')));
    try {
      await networks.#make();
    } catch (error) {
      await networks.remove();
      throw error;
    }
    return networks;
  }

  /** From now on exactly that is blocked, also for what is under way. */
  async block(what: keyof typeof BLOCKS): Promise<void> {
    const rules = BLOCKS[what].map((rule) => `    ${rule}`).join('\n');
    const chain = (hook: 'input' | 'output', of: 'iifname' | 'oifname') => `  chain ${hook} {
    type filter hook ${hook} priority 0;
    ${of} "lo" accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
${rules}
  }`;
    const table = `table inet block {}
delete table inet block
table inet block {
${chain('input', 'iifname')}
${chain('output', 'oifname')}
}
`;
    const file = join(this.#folder, 'block.nft');
    await writeFile(file, table);
    await run('ip', ['netns', 'exec', this.person, 'nft', '-f', file]);
  }

  /** A file that runs `program` in the person's network. */
  async inPersonsNetwork(program: string): Promise<string> {
    const file = join(this.#folder, program.replaceAll('/', '-'));
    await writeFile(file, `#!/bin/sh\nexec ip netns exec ${this.person} ${program} "$@"\n`);
    await chmod(file, 0o755);
    return file;
  }

  async remove(): Promise<void> {
    for (const name of [this.person, this.turn]) await run('ip', ['netns', 'delete', name]).catch(() => {});
    await run('nft', ['delete', 'table', 'ip', 'bvt-nat']).catch(() => {});
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #make(): Promise<void> {
    const ip = (words: string) => run('ip', words.split(' '));
    const sides = [
      { name: this.person, link: 'person', networks: [PERSON, PERSON_V6] },
      { name: this.turn, link: 'turn', networks: [TURN] },
    ];
    for (const { name, link, networks } of sides) {
      await ip(`netns add ${name}`);
      await ip(`link add ${link} type veth peer name eth0 netns ${name}`);
      for (const { address, gateway, prefix } of networks) {
        const v6 = address.includes(':');
        const nodad = v6 ? ' nodad' : '';
        await ip(`address add ${gateway}/${prefix} dev ${link}${nodad}`);
        await ip(`-n ${name} address add ${address}/${prefix} dev eth0${nodad}`);
      }
      await ip(`link set ${link} up`);
      await ip(`-n ${name} link set lo up`);
      await ip(`-n ${name} link set eth0 up`);
      for (const { address, gateway } of networks) {
        await ip(`-n ${name} ${address.includes(':') ? '-6 ' : ''}route add default via ${gateway}`);
      }
    }
    await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
    const nat = join(this.#folder, 'nat.nft');
    await writeFile(
      nat,
      `table ip bvt-nat {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr ${NAT_ADDRESS} meta l4proto udp dnat to ${PERSON.gateway}
  }
}
`,
    );
    await run('nft', ['-f', nat]);
  }
}
