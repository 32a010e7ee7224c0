import { closeSync, openSync, writeSync } from 'node:fs';
import koffi from 'koffi';

/** linux/random.h, the same on x86-64 and arm64. */
const RNDADDENTROPY = 0x40085203;
const RNDRESEEDCRNG = 0x5207;
/** linux/time.h */
const CLOCK_REALTIME = 0;

const libc = koffi.load('libc.so.6');
const timespec = koffi.struct('timespec', { seconds: 'int64_t', nanoseconds: 'int64_t' });
const clockSettime = libc.func('clock_settime', 'int', ['int', koffi.pointer(timespec)]);
const ioctl = libc.func('int ioctl(int, unsigned long, ...)');

/** Sets the wall clock. Needs CAP_SYS_TIME. */
export function setClock(unixTimeMs: number): void {
  const seconds = Math.floor(unixTimeMs / 1000);
  const time = { seconds, nanoseconds: Math.round((unixTimeMs - seconds * 1000) * 1e6) };
  if (clockSettime(CLOCK_REALTIME, time) !== 0) throw new Error(`clock_settime: errno ${koffi.errno()}`);
}

/**
 * Mixes `entropy` into the kernel's pool, counts every bit of it, and makes the generator start from
 * the pool at once; without the last step it would go on from the state it had in the template.
 * Needs CAP_SYS_ADMIN.
 */
export function addEntropy(entropy: Buffer): void {
  const device = openSync('/dev/urandom', 'w');
  try {
    // First as plain input, so that it counts for something even where crediting is refused.
    writeSync(device, entropy);
    const request = Buffer.alloc(8 + entropy.length);
    request.writeInt32LE(entropy.length * 8, 0);
    request.writeInt32LE(entropy.length, 4);
    entropy.copy(request, 8);
    if (ioctl(device, RNDADDENTROPY, 'void *', request) !== 0) {
      throw new Error(`RNDADDENTROPY: errno ${koffi.errno()}`);
    }
    if (ioctl(device, RNDRESEEDCRNG, 'void *', null) !== 0) {
      throw new Error(`RNDRESEEDCRNG: errno ${koffi.errno()}`);
    }
  } finally {
    closeSync(device);
  }
}

/** Of the OpenSSL in this very program. */
const pollRandomness = koffi.load(null).func('int RAND_poll()');

/**
 * Makes the generators behind `node:crypto` start from the kernel's. OpenSSL gives each a life of minutes and
 * cannot know that its memory was cloned: without this every VM of a template draws the same bytes.
 * Not behind `Math.random`, which stays what it was in the template.
 */
export function renewOwnGenerator(): void {
  if (pollRandomness() !== 1) throw new Error('RAND_poll failed');
}
