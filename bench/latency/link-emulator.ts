/**
 * A wire with faults: joins two TUN devices, packet by packet. Ends when its channel to the parent does.
 *
 *   node bench/latency/link-emulator.ts DEVICE-A DEVICE-B SHAPE-AS-JSON
 *
 * For kernels without netem. The devices are made here, in the namespace this runs in, and may be moved
 * elsewhere afterwards.
 */
import { closeSync, openSync, read, writeSync } from 'node:fs';
import koffi from 'koffi';
import type { LinkShape } from './links.ts';

/** From linux/if_tun.h. */
const TUNSETIFF = 0x400454ca;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
/** An ifreq: a name of 16 bytes, then flags, 40 bytes in all. */
const IFREQ = { bytes: 40, name: 16 } as const;
const MAX_PACKET = 65_536;
/** Packets due within this are sent now: timers have a resolution of a millisecond. */
const EARLY_MS = 0.5;

const ioctl = koffi.load('libc.so.6').func('int ioctl(int fd, unsigned long request, ...)');

function openTun(name: string): number {
  const fd = openSync('/dev/net/tun', 'r+');
  const request = Buffer.alloc(IFREQ.bytes);
  request.write(name, 'latin1');
  request.writeUInt16LE(IFF_TUN | IFF_NO_PI, IFREQ.name);
  if (ioctl(fd, TUNSETIFF, 'void *', request) !== 0) {
    closeSync(fd);
    throw new Error(`the device ${name} could not be made`);
  }
  return fd;
}

/** One direction: loses packets, sends the others one after another at the link's rate, each delayed. */
class Direction {
  readonly #to: number;
  readonly #shape: LinkShape;
  readonly #waiting: { readonly packet: Buffer; readonly at: number }[] = [];
  /** When the last bit accepted so far has left. */
  #freeAt = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(to: number, shape: LinkShape) {
    this.#to = to;
    this.#shape = shape;
  }

  take(packet: Buffer): void {
    const { loss, kbps, queueMs, delayMs } = this.#shape;
    if (Math.random() < loss) return;
    const now = performance.now();
    const begin = Math.max(now, this.#freeAt);
    if (begin - now > queueMs) return;
    this.#freeAt = begin + (kbps === null ? 0 : (packet.length * 8) / kbps);
    this.#waiting.push({ packet: Buffer.from(packet), at: this.#freeAt + delayMs });
    this.#send();
  }

  #send(): void {
    const due = performance.now() + EARLY_MS;
    while (this.#waiting[0] !== undefined && this.#waiting[0].at <= due) {
      try {
        writeSync(this.#to, this.#waiting.shift()?.packet ?? Buffer.alloc(0));
      } catch {
        // The device is down or gone: the packet is lost, as on a wire.
      }
    }
    const next = this.#waiting[0];
    if (next === undefined || this.#timer !== null) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#send();
      },
      Math.max(0, next.at - performance.now()),
    );
  }
}

function pump(from: number, direction: Direction): void {
  const buffer = Buffer.alloc(MAX_PACKET);
  const next = (): void =>
    read(from, buffer, 0, MAX_PACKET, null, (error, bytes) => {
      if (error === null) direction.take(buffer.subarray(0, bytes));
      // Not up yet, or taken away with its namespace; the parent ends this process.
      if (error === null) next();
      else setTimeout(next, 10);
    });
  next();
}

const [nameA = '', nameB = '', text = ''] = process.argv.slice(2);
const { down, up } = JSON.parse(text) as { down: LinkShape; up: LinkShape };
const a = openTun(nameA);
const b = openTun(nameB);
pump(a, new Direction(b, down));
pump(b, new Direction(a, up));
// Its reads never end by themselves.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
process.send?.('ready');
