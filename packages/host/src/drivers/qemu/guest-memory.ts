import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { BrowserVmError } from '@browser-vm/protocol';
import type { GuestMemory } from '../driver.ts';

const MIB = 1024 * 1024;
/** The `microvm` machine has its memory below here, and what is more from 4 GiB on. */
const LOW_END = 3072 * MIB;
const HIGH_START = 4096 * MIB;

/** The memory of a guest of that many MiB, in the memory of its QEMU. Rejects with `memory_unreadable`. */
export async function guestMemory(pid: number, memoryMb: number): Promise<GuestMemory> {
  const length = memoryMb * MIB;
  const base = mappingOf(await readFile(`/proc/${pid}/maps`, 'utf8'), length);
  if (base === null) {
    throw new BrowserVmError({
      code: 'memory_unreadable',
      message: `process ${pid} has no single mapping of ${memoryMb} MiB that would be its guest's memory`,
      hop: 'driver',
    });
  }
  const low = Math.min(length, LOW_END);
  const parts = [{ guestAddress: 0, length: low, address: base }];
  if (length > low) parts.push({ guestAddress: HIGH_START, length: length - low, address: base + low });
  return { parts, open: () => openSync(`/proc/${pid}/mem`, 'r') };
}

/** Where a writable private mapping of a file begins that is just as long; null when there is not one alone. */
function mappingOf(maps: string, length: number): number | null {
  const starts = maps.split('\n').flatMap((line) => {
    const [range = '', mode, , , inode] = line.split(/\s+/);
    const [start = 0, end = 0] = range.split('-').map((text) => Number.parseInt(text, 16));
    return mode === 'rw-p' && inode !== '0' && end - start === length ? [start] : [];
  });
  return starts.length === 1 ? (starts[0] ?? null) : null;
}
