import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** RFC 5737 TEST-NET-2 and RFC 3849: where the person is. */
export const PERSON = { address: '198.51.100.10', gateway: '198.51.100.1', prefix: 24 } as const;
const PERSON_V6 = { address: '2001:db8:1::10', gateway: '2001:db8:1::1', prefix: 64 } as const;
/** RFC 2544 and RFC 3849: where a person is who moved. */
const ELSEWHERE = { address: '198.18.0.10', gateway: '198.18.0.1', prefix: 24 } as const;
const ELSEWHERE_V6 = { address: '2001:db8:2::10', gateway: '2001:db8:2::1', prefix: 64 } as const;
/** RFC 5737 TEST-NET-1: where the TURN server is. */
export const TURN = {
  name: 'turn.example.org',
  address: '192.0.2.10',
  gateway: '192.0.2.1',
  prefix: 24,
} as const;
/** A NAT's address, passed on to the host. */
export const NAT_ADDRESS = '192.0.2.77';

/** A wire between this namespace and another one. */
interface Link {
  readonly outside: string;
  readonly inside: string;
  readonly networks: readonly {
    readonly address: string;
    readonly gateway: string;
    readonly prefix: number;
  }[];
}
const HOME: Link = { outside: 'person', inside: 'eth0', networks: [PERSON, PERSON_V6] };
const AWAY: Link = { outside: 'elsewhere', inside: 'eth1', networks: [ELSEWHERE, ELSEWHERE_V6] };
const PLACES = { home: HOME, away: AWAY };
const SERVERS: Link = { outside: 'turn', inside: 'eth0', networks: [TURN] };

const ip = (words: string) => run('ip', words.split(' '));

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
  #joined = HOME;

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

  /**
   * The person's machine leaves the network it is in for that one, as from Wi-Fi to mobile: its addresses are gone, and it
   * has those of there. Nothing tells those it was connected with.
   */
  async moveTo(place: keyof typeof PLACES): Promise<void> {
    const link = PLACES[place];
    if (link === this.#joined) return;
    await ip(`-n ${this.person} address flush dev ${this.#joined.inside}`);
    await ip(`-n ${this.person} link set ${this.#joined.inside} down`);
    await this.#join(this.person, link);
    this.#joined = link;
  }

  /** The person's machine sleeps: nothing in it runs until the returned function wakes it. */
  async sleep(): Promise<() => void> {
    const { stdout } = await run('ip', ['netns', 'pids', this.person]);
    const pids = stdout.trim().split('\n').map(Number);
    const signal = (name: NodeJS.Signals) => {
      for (const pid of pids) process.kill(pid, name);
    };
    signal('SIGSTOP');
    return () => signal('SIGCONT');
  }

  /**
   * A file that runs `program` in the person's network, where the TURN server has a name. `first`, words of a shell, may
   * change what it sees of the disk, too.
   */
  async inPersonsNetwork(program: string, first = ':'): Promise<string> {
    const file = join(this.#folder, program.replaceAll('/', '-'));
    const hosts = join(this.#folder, 'hosts');
    await writeFile(hosts, `127.0.0.1 localhost\n${TURN.address} ${TURN.name}\n`);
    // These mounts are seen by what runs in the network's name alone.
    const prepared = `mount --bind ${hosts} /etc/hosts && ${first} && exec ${program} "$@"`;
    await writeFile(file, `#!/bin/sh\nexec ip netns exec ${this.person} sh -c '${prepared}' sh "$@"\n`);
    await chmod(file, 0o755);
    return file;
  }

  /**
   * The wires by themselves: a namespace that sockets still hold goes some time later, and with it addresses of this one,
   * by which a later test is connected by then.
   */
  async remove(): Promise<void> {
    for (const { outside } of [HOME, AWAY, SERVERS]) await ip(`link delete ${outside}`).catch(() => {});
    for (const name of [this.person, this.turn]) await run('ip', ['netns', 'delete', name]).catch(() => {});
    await run('nft', ['delete', 'table', 'ip', 'bvt-nat']).catch(() => {});
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #make(): Promise<void> {
    for (const { name, links } of [
      { name: this.person, links: [HOME, AWAY] },
      { name: this.turn, links: [SERVERS] },
    ]) {
      await ip(`netns add ${name}`);
      await ip(`-n ${name} link set lo up`);
      for (const { outside, inside, networks } of links) {
        await ip(`link add ${outside} type veth peer name ${inside} netns ${name}`);
        for (const { gateway, prefix } of networks) {
          await ip(`address add ${gateway}/${prefix} dev ${outside}${gateway.includes(':') ? ' nodad' : ''}`);
        }
        await ip(`link set ${outside} up`);
      }
    }
    await this.#join(this.person, HOME);
    await this.#join(this.turn, SERVERS);
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

  async #join(name: string, { inside, networks }: Link): Promise<void> {
    await ip(`-n ${name} link set ${inside} up`);
    for (const { address, gateway, prefix } of networks) {
      const v6 = address.includes(':');
      await ip(`-n ${name} address add ${address}/${prefix} dev ${inside}${v6 ? ' nodad' : ''}`);
      await ip(`-n ${name} ${v6 ? '-6 ' : ''}route replace default via ${gateway}`);
    }
  }
}
