import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { ATTRIBUTE, isStun, KIND, mappedAddress, readStun, writeStun } from './stun.ts';

/** Ways in of one connection besides its own UDP port, and no more than these at a time. */
const MAX_WAYS = 16;
/** What comes by TCP is a packet and, before it, its length (RFC 4571). One that is longer is none of WebRTC. Bytes. */
const MAX_PACKET = 2048;
/** Unsent by TCP above this, packets are lost, as on a link that is too slow. Bytes. */
const MAX_UNSENT = 262_144;
/** One that connects says who it is within this. Milliseconds. */
const GREETING_MS = 10_000;
const LOOPBACK = '127.0.0.1';

export interface Ports {
  readonly min: number;
  readonly max: number;
}

/** From one address of the viewer to the connection's own port. */
interface Way {
  receive(packet: Buffer): void;
  close(): void;
}

/**
 * Ways to a connection whose ICE listens on a UDP port of this host, for what it cannot take there itself: packets by
 * TCP (RFC 6544), and checks whose tie-breaker is 0, as Chromium sends them through TURN by TCP and TLS
 * (https://github.com/paullouisageneau/libjuice/issues/355). Checks are let in, and open a way, if they were made with
 * the connection's password; the rest is passed on as it is.
 */
export class Doors {
  /** Of the connection's ICE. */
  readonly #port: number;
  readonly #password: string;
  readonly #ways = new Set<Way>();
  #tcp: Server | null = null;
  #udp: Datagrams | null = null;

  constructor(port: number, password: string) {
    this.#port = port;
    this.#password = password;
  }

  /** The TCP port that listens now: that of the connection if it is free, else one of those. Null: none is. */
  async listen(ports: Ports | null): Promise<number | null> {
    for (const port of [this.#port, ...choices(ports)]) {
      const server = createServer((socket) => this.#accept(socket));
      const { promise, resolve } = Promise.withResolvers<boolean>();
      server.once('error', () => resolve(false));
      server.listen(port, () => resolve(true));
      if (!(await promise)) continue;
      server.on('error', () => {});
      this.#tcp = server;
      return portOf(server.address());
    }
    return null;
  }

  /** The UDP port that takes packets now, one of those. Null: none is free. */
  async bind(ports: Ports | null): Promise<number | null> {
    for (const port of choices(ports)) {
      const socket = await bound(port);
      if (socket === null) continue;
      const ways = new Map<string, Way>();
      socket.on('message', (packet, { address, port: from }) => {
        const key = `${address} ${from}`;
        let way = ways.get(key);
        if (way === undefined) {
          if (!this.#isGreeting(packet)) return;
          way = this.#open(
            plain(address),
            from,
            (answer) => socket.send(answer, from, address),
            () => ways.delete(key),
          );
          if (way === undefined) return;
          ways.set(key, way);
        }
        way.receive(packet);
      });
      this.#udp = socket;
      return socket.address().port;
    }
    return null;
  }

  close(): void {
    for (const way of [...this.#ways]) way.close();
    this.#tcp?.close();
    this.#udp?.close();
    this.#tcp = null;
    this.#udp = null;
  }

  #accept(socket: Socket): void {
    socket.on('error', () => {});
    socket.setNoDelay(true);
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) return;
    const greeting = setTimeout(() => socket.destroy(), GREETING_MS);
    let way: Way | undefined;
    let rest = Buffer.alloc(0);
    socket.on('data', (data) => {
      rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
      while (rest.length >= 2) {
        const bytes = rest.readUInt16BE(0);
        if (bytes > MAX_PACKET) socket.destroy();
        if (bytes > MAX_PACKET || rest.length < 2 + bytes) return;
        const packet = rest.subarray(2, 2 + bytes);
        rest = rest.subarray(2 + bytes);
        if (way === undefined && this.#isGreeting(packet)) {
          way = this.#open(
            plain(remoteAddress),
            remotePort,
            (answer) => sendFramed(socket, answer),
            () => socket.destroy(),
          );
          clearTimeout(greeting);
        }
        if (way === undefined) {
          socket.destroy();
          return;
        }
        way.receive(packet);
      }
    });
    socket.on('close', () => {
      clearTimeout(greeting);
      way?.close();
    });
    // One of a connection that has ended meanwhile.
    if (this.#tcp === null) socket.destroy();
  }

  #isGreeting(packet: Buffer): boolean {
    return readStun(packet, this.#password)?.kind === KIND.request;
  }

  /** The connection sees each address of the viewer as a port of its own on loopback. */
  #open(
    address: string,
    port: number,
    answer: (packet: Buffer) => void,
    closed: () => void,
  ): Way | undefined {
    if (this.#ways.size >= MAX_WAYS) return undefined;
    const inner = createSocket('udp4');
    let open = true;
    const way: Way = {
      receive: (packet) => {
        if (open) inner.send(isStun(packet) ? this.#mended(packet) : packet, this.#port, LOOPBACK);
      },
      close: () => {
        if (!open) return;
        open = false;
        this.#ways.delete(way);
        inner.close();
        closed();
      },
    };
    inner.on('error', () => way.close());
    inner.on('message', (packet, from) => {
      if (from.port !== this.#port) return;
      answer(isStun(packet) ? this.#comingFrom(packet, address, port) : packet);
    });
    this.#ways.add(way);
    return way;
  }

  /** A tie-breaker of 0 is as good as any other, but taken for a missing one. */
  #mended(packet: Buffer): Buffer {
    const message = readStun(packet, this.#password);
    if (message?.kind !== KIND.request) return packet;
    const attributes = message.attributes.map(({ type, value }) => {
      const isRole = type === ATTRIBUTE.controlling || type === ATTRIBUTE.controlled;
      const isZero = isRole && value.every((byte) => byte === 0);
      return { type, value: isZero ? Buffer.from([0, 0, 0, 0, 0, 0, 0, 1]) : value };
    });
    return writeStun({ ...message, attributes }, this.#password);
  }

  /** An answer to a check says where that came from: not from loopback. */
  #comingFrom(packet: Buffer, address: string, port: number): Buffer {
    const message = readStun(packet, this.#password);
    if (message?.kind !== KIND.response) return packet;
    const attributes = message.attributes.map(({ type, value }) =>
      type === ATTRIBUTE.mappedAddress
        ? { type, value: mappedAddress(address, port, message.transaction) }
        : { type, value },
    );
    return writeStun({ ...message, attributes }, this.#password);
  }
}

/** All of them, from a random one on; 0, which is any, where there is no bound. */
function choices(ports: Ports | null): number[] {
  if (ports === null) return [0];
  const count = ports.max - ports.min + 1;
  const first = Math.floor(Math.random() * count);
  return Array.from({ length: count }, (_, index) => ports.min + ((first + index) % count));
}

/** On IPv6 and IPv4, or on IPv4 alone where a host has no other. */
async function bound(port: number): Promise<Datagrams | null> {
  for (const type of ['udp6', 'udp4'] as const) {
    const socket = createSocket(type);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    socket.once('error', () => resolve(false));
    socket.bind(port, () => resolve(true));
    if (await promise) {
      socket.on('error', () => {});
      return socket;
    }
    socket.close();
  }
  return null;
}

function sendFramed(socket: Socket, packet: Buffer): void {
  if (!socket.writable || socket.writableLength > MAX_UNSENT) return;
  const framed = Buffer.allocUnsafe(2 + packet.length);
  framed.writeUInt16BE(packet.length, 0);
  packet.copy(framed, 2);
  socket.write(framed);
}

/** An IPv4 address as that, which a socket for both writes as one of IPv6; without the zone of a link. */
function plain(address: string): string {
  const [bare = address] = address.split('%');
  return isIPv6(bare) && bare.startsWith('::ffff:') && bare.includes('.') ? bare.slice(7) : bare;
}

function portOf(address: ReturnType<Server['address']>): number | null {
  return typeof address === 'object' ? (address?.port ?? null) : null;
}
