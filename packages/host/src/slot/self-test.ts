import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { type Check, GUEST, type Hop } from '@browser-vm/protocol';
import { run } from '../system/run.ts';
import { hostTableOf, TAP } from './names.ts';
import { RESOLVER_PORT } from './rules.ts';
import type { Slot } from './slot.ts';

/** A guest whose CPUs run answers in milliseconds, under emulation in tens of them. Milliseconds. */
const PATIENCE = 3000;

/** Runs inside the namespace, where the guest is the only neighbour. */
const CONNECT = `
const socket = require('node:net').connect(Number(process.argv[2]), process.argv[1]);
socket.setTimeout(${PATIENCE}, () => { console.error('no answer'); process.exit(1); });
socket.on('error', (error) => { console.error(error.code); process.exit(1); });
socket.on('connect', () => process.exit(0));
`;

/** A query for the A record of `browser-vm.invalid`, a name that never exists (RFC 2606). */
const QUERY = Buffer.from(
  '425601000001000000000000' + '0a62726f777365722d766d' + '07696e76616c6964' + '0000010001',
  'hex',
);

/**
 * Each hop between host, guest and world in order, for a slot with a running VM. Stops at the first that
 * fails: what comes after it cannot work, and is not shown as a fault of its own.
 */
export async function selfTest(slot: Slot): Promise<readonly Check[]> {
  const hops: readonly (readonly [string, Hop, () => Promise<string>])[] = [
    ['TAP', 'slot', () => tapHasCarrier(slot)],
    ['guest on its wire', 'driver', () => guestAnswers(slot)],
    ['host to agent', 'agent', () => reach(slot.agent)],
    ['VNC greeting', 'display', () => greeting(slot)],
    ['resolver', 'resolver', () => resolverAnswers(slot)],
    ['egress route', 'egress', () => egress(slot)],
  ];
  const checks: Check[] = [];
  for (const [name, hop, find] of hops) {
    try {
      checks.push({ name, hop, ok: true, detail: await find() });
    } catch (error) {
      const counters = await countersOf(slot);
      checks.push({ name, hop, ok: false, detail: `${(error as Error).message}; ${counters}` });
      break;
    }
  }
  return checks;
}

async function tapHasCarrier(slot: Slot): Promise<string> {
  const link = await run('ip', ['-n', slot.namespace, '-o', 'link', 'show', TAP], { hop: 'slot' });
  if (link.includes('NO-CARRIER')) throw new Error(`${TAP} has no carrier: no monitor holds it`);
  return `${TAP} is held by a monitor`;
}

async function guestAnswers(slot: Slot): Promise<string> {
  const argv = [`--net=${slot.network.namespace}`, process.execPath, '-e', CONNECT];
  await run('nsenter', [...argv, GUEST.address, String(GUEST.agentPort)], { hop: 'driver' }).catch(() => {
    throw new Error(`${GUEST.address}:${GUEST.agentPort} does not answer inside ${slot.namespace}`);
  });
  return `${GUEST.address} answers`;
}

async function reach(at: { readonly host: string; readonly port: number }): Promise<string> {
  const socket = connect({ ...at, timeout: PATIENCE });
  try {
    await opened(socket);
    return `${at.host}:${at.port} answers`;
  } finally {
    socket.destroy();
  }
}

async function greeting({ vnc }: Slot): Promise<string> {
  const socket = connect({ ...vnc, timeout: PATIENCE });
  try {
    await opened(socket);
    const [said] = (await once(socket, 'data', { signal: AbortSignal.timeout(PATIENCE) })) as [Buffer];
    const text = said.toString('latin1').slice(0, 12);
    if (!text.startsWith('RFB ')) throw new Error(`${vnc.host}:${vnc.port} does not greet as a VNC server`);
    return text.trim();
  } finally {
    socket.destroy();
  }
}

async function opened(socket: ReturnType<typeof connect>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('connect', resolve);
  socket.on('error', reject);
  socket.once('timeout', () => reject(new Error('no answer in time')));
  await promise;
}

async function resolverAnswers({ link }: Slot): Promise<string> {
  const socket = createSocket('udp4');
  try {
    const started = performance.now();
    socket.send(QUERY, RESOLVER_PORT, link.host);
    const [answer] = (await once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE) })) as [Buffer];
    const code = answer[3]! & 0x0f;
    const took = Math.round(performance.now() - started);
    return `answers in ${took} ms${code === 2 ? ', but no upstream does' : ''}`;
  } catch {
    throw new Error(`nothing answers at ${link.host}:${RESOLVER_PORT}`);
  } finally {
    socket.close();
  }
}

/** The guest's way out ends at the host's own routes; an address kept for documentation stands for the world. */
async function egress(slot: Slot): Promise<string> {
  if ((await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8')).trim() !== '1') {
    throw new Error('IPv4 forwarding is off on the host');
  }
  const inside = await run('ip', ['-n', slot.namespace, 'route', 'get', '203.0.113.1'], { hop: 'egress' });
  if (!inside.includes(slot.link.host)) throw new Error('the slot has no route to the host');
  const outside = await run('ip', ['route', 'get', '203.0.113.1'], { hop: 'egress' }).catch(() => {
    throw new Error('the host has no route to the internet');
  });
  return outside.split('\n')[0]?.trim() ?? '';
}

/** Packets of each commented rule that saw any. */
async function countersOf(slot: Slot): Promise<string> {
  const [, mark = ''] = slot.namespace.split('-');
  const listings = await Promise.allSettled([
    run('nsenter', [`--net=${slot.network.namespace}`, 'nft', 'list', 'table', 'ip', 'bvm'], { hop: 'slot' }),
    run('nft', ['list', 'table', 'ip', hostTableOf(mark, slot.index)], { hop: 'slot' }),
  ]);
  const seen = listings
    .flatMap((listing) => (listing.status === 'fulfilled' ? listing.value.split('\n') : []))
    .flatMap((line) => {
      const [, packets, comment] = /packets (\d+) .*comment "([^"]+)"/.exec(line) ?? [];
      return packets === undefined || packets === '0' ? [] : [`${comment}: ${packets}`];
    });
  return seen.length === 0 ? 'no packet was counted' : `packets: ${seen.join(', ')}`;
}
