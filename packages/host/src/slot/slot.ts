import { writeFile } from 'node:fs/promises';
import { BrowserVmError, GUEST } from '@browser-vm/protocol';
import type { VmNetwork } from '../drivers/driver.ts';
import { run } from '../system/run.ts';
import { capacityOf, type Link, linkOf } from './link.ts';
import {
  GATEWAY_MAC,
  hostLinkOf,
  hostTableOf,
  indexOf,
  isHostTableOf,
  namespaceOf,
  TAP,
  UPLINK,
} from './names.ts';
import { hostRules, namespaceRules } from './rules.ts';
import { readerUidOf, streamerUidOf, vmUidOf } from './users.ts';

/** What a VM plugs into, on this host. */
export interface Slot {
  /** Taken for all controllers of the host until `remove`. */
  readonly index: number;
  readonly namespace: string;
  readonly link: Link;
  /** For a driver. */
  readonly network: VmNetwork;
  /** Of the VM in this slot, of its streamer, and of the reader of its picture. */
  readonly vmUid: number;
  readonly streamerUid: number;
  readonly readerUid: number;
  /** Where the host, and nobody else, reaches the guest's agent and VNC server. */
  readonly agent: { readonly host: string; readonly port: number };
  readonly vnc: { readonly host: string; readonly port: number };
  /** Resolves when namespace, wire and rules are gone. Any number of times. */
  remove(): Promise<void>;
}

export interface SlotOptions {
  readonly mark: string;
  /** BROWSER_VM_SLOT_SUBNET */
  readonly subnet: string;
}

/**
 * Makes a slot with the lowest free index. What is taken is read from the host's own wires and namespaces,
 * never from memory, and making the wire is what takes it. Some 50 ms.
 */
export async function createSlot(options: SlotOptions): Promise<Slot> {
  await allowForwarding();
  const taken = await takenIndexes(options.mark);
  const capacity = capacityOf(options.subnet);
  for (let index = 0; index < capacity; index++) {
    if (taken.has(index)) continue;
    const slot = await claim(index, options);
    if (slot !== null) return slot;
  }
  throw new BrowserVmError({
    code: 'no_free_slot',
    message: `all ${capacity} slots of ${options.subnet} are taken`,
    hop: 'slot',
    remedy: 'set BROWSER_VM_SLOT_SUBNET to a larger subnet',
  });
}

/** Removes what an earlier controller with this mark left. Returns how many namespaces there were. */
export async function removeSlots(mark: string): Promise<number> {
  const indexes = await ownIndexes(mark);
  for (const index of indexes) await remove(mark, index);
  return indexes.length;
}

/** Indexes of the slots that carry this mark, from the host itself. */
export async function ownIndexes(mark: string): Promise<number[]> {
  const listed = await run('ip', ['netns', 'list'], { hop: 'slot' });
  return listed
    .split('\n')
    .map((line) => indexOf(mark, line.split(' ')[0] ?? ''))
    .filter((index) => index !== null);
}

async function takenIndexes(mark: string): Promise<ReadonlySet<number>> {
  const links = await run('ip', ['-o', 'link', 'show', 'type', 'veth'], { hop: 'slot' });
  const wires = [...links.matchAll(/^\d+: bvmh(\d+)[@:]/gm)].map((match) => Number(match[1]));
  return new Set([...wires, ...(await ownIndexes(mark))]);
}

/** Null when another controller took the index first. */
async function claim(index: number, { mark, subnet }: SlotOptions): Promise<Slot | null> {
  const namespace = namespaceOf(mark, index);
  const wire = hostLinkOf(index);
  const link = linkOf(subnet, index);
  const vmUid = vmUidOf(index);
  const streamerUid = streamerUidOf(index);
  try {
    await batch([
      `netns add ${namespace}`,
      `link add ${wire} type veth peer name ${UPLINK} netns ${namespace}`,
    ]);
  } catch (error) {
    if (!(error instanceof BrowserVmError) || !error.message.includes('File exists')) {
      await remove(mark, index).catch(() => {});
      throw error;
    }
    // The wire is another's, and so stays; the namespace is ours unless it existed.
    if (!error.message.includes(namespace)) await deleteNamespace(namespace);
    return null;
  }
  try {
    await Promise.all([
      run('nsenter', [`--net=/run/netns/${namespace}`, 'sh', '-c', INSIDE, 'sh', insideLinks(link, vmUid)], {
        hop: 'slot',
        input: namespaceRules(link, subnet),
      }),
      batch([`address add ${link.host}/${link.prefixLength} dev ${wire}`, `link set ${wire} up`]),
      setHostRules(
        mark,
        index,
        hostRules(hostTableOf(mark, index), index, link, {
          subnet,
          users: [process.getuid?.() ?? 0, streamerUid],
        }),
      ),
    ]);
  } catch (error) {
    await remove(mark, index).catch(() => {});
    throw error;
  }
  let removed: Promise<void> | null = null;
  return {
    index,
    namespace,
    link,
    network: { namespace: `/run/netns/${namespace}`, tap: TAP, macAddress: GUEST.macAddress },
    vmUid,
    streamerUid,
    readerUid: readerUidOf(index),
    agent: { host: link.slot, port: GUEST.agentPort },
    vnc: { host: link.slot, port: GUEST.vncPort },
    remove() {
      removed ??= remove(mark, index).catch((error: unknown) => {
        removed = null;
        throw error;
      });
      return removed;
    },
  };
}

/** Runs inside the namespace: rules before wires, so that nothing passes unfiltered; no IPv6. */
const INSIDE = `
set -eu
for scope in all default; do
  [ ! -e /proc/sys/net/ipv6 ] || echo 1 > /proc/sys/net/ipv6/conf/$scope/disable_ipv6
done
echo 1 > /proc/sys/net/ipv4/ip_forward
nft -f -
printf '%s' "$1" | ip -batch -
`;

function insideLinks(link: Link, vmUid: number): string {
  return [
    'link set lo up',
    `tuntap add dev ${TAP} mode tap user ${vmUid} vnet_hdr`,
    `link set ${TAP} address ${GATEWAY_MAC}`,
    `address add ${GUEST.gateway}/${GUEST.prefixLength} dev ${TAP}`,
    `link set ${TAP} up`,
    // Known from the start: the first packet must not wait for an answer of a VM that is just resuming.
    `neighbour replace ${GUEST.address} lladdr ${GUEST.macAddress} nud permanent dev ${TAP}`,
    `address add ${link.slot}/${link.prefixLength} dev ${UPLINK}`,
    `link set ${UPLINK} up`,
    `route add default via ${link.host}`,
    '',
  ].join('\n');
}

async function remove(mark: string, index: number): Promise<void> {
  await run('nft', ['-f', '-'], {
    hop: 'slot',
    input: withoutTable(hostTableOf(mark, index)),
  });
  const inside = await run('ip', ['-n', namespaceOf(mark, index), '-o', 'link', 'show', UPLINK], {
    hop: 'slot',
  }).catch(() => '');
  // The namespace's own end takes the other with it at once; a wire that is not connected to it is not ours.
  if (inside !== '')
    await run('ip', ['-n', namespaceOf(mark, index), 'link', 'delete', UPLINK], { hop: 'slot' });
  await deleteNamespace(namespaceOf(mark, index));
}

/** In place of what controllers that were killed left for this wire: it would refuse what the guest may ask. */
async function setHostRules(mark: string, index: number, rules: string): Promise<void> {
  const tables = await run('nft', ['list', 'tables', 'ip'], { hop: 'slot' });
  const stale = [...tables.matchAll(/^table ip (\S+)$/gm)]
    .map(([, table = '']) => table)
    .filter((table) => isHostTableOf(index, table) && table !== hostTableOf(mark, index));
  await run('nft', ['-f', '-'], { hop: 'slot', input: [...stale.map(withoutTable), rules].join('') });
}

/** Declaring a table before deleting it makes this work whether it exists or not. */
function withoutTable(table: string): string {
  return `table ip ${table}\ndelete table ip ${table}\n`;
}

async function deleteNamespace(namespace: string): Promise<void> {
  await run('ip', ['netns', 'delete', namespace], { hop: 'slot' }).catch((error: unknown) => {
    if (!(error instanceof BrowserVmError) || !error.message.includes('No such file')) throw error;
  });
}

async function batch(lines: readonly string[]): Promise<void> {
  await run('ip', ['-batch', '-'], { hop: 'slot', input: `${lines.join('\n')}\n` });
}

/** Guests reach the internet through the network namespace this process runs in. */
async function allowForwarding(): Promise<void> {
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1').catch((error: unknown) => {
    throw new BrowserVmError(
      {
        code: 'forwarding_refused',
        message: `IPv4 forwarding cannot be switched on: ${(error as Error).message}`,
        hop: 'slot',
        remedy: 'run as root, or `sysctl -w net.ipv4.ip_forward=1`',
      },
      { cause: error },
    );
  });
}
