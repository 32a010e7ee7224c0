import { open, readFile } from 'node:fs/promises';
import koffi from 'koffi';
import { readMemory } from './memory.ts';

/** linux/mman.h: reclaim these pages now. */
const MADV_PAGEOUT = 21;
/** linux/uio.h: ranges that one call may name. */
const UIO_MAXIOV = 1024;
/** Of one call, so that a wake-up waits for no long one. Bytes. */
const BATCH = 16 * 1024 * 1024;
const PAGE = 4096;
/** Documentation/admin-guide/mm/pagemap.rst: a page in memory; one of a file or shared. */
const PRESENT = 1n << 63n;
const OF_FILE = 1n << 61n;
/** struct iovec: address and length. Bytes. */
const IOVEC = 16;

interface Range {
  readonly start: number;
  readonly length: number;
}

/** From glibc 2.36 on, which Debian 12 has. */
interface Calls {
  readonly open: (pid: number, flags: number) => number;
  readonly close: (descriptor: number) => number;
  readonly advise: (descriptor: number, ranges: Buffer, count: number) => Promise<number>;
}

let calls: Calls | null = null;

/**
 * Moves what a process alone wrote from memory to swap space, as far as that has room; the pages of files that it
 * maps stay, since others may map them too. Resolves with the bytes moved out of memory, 0 where there is no room.
 * Ends early when aborted, or when the process ends. Needs CAP_SYS_PTRACE and CAP_SYS_NICE.
 */
export async function pageOut(pid: number, signal: AbortSignal): Promise<number> {
  const { swapFreeMb } = await readMemory();
  if (swapFreeMb === 0) return 0;
  const ranges = await writtenRanges(pid);
  const bytes = ranges.reduce((sum, { length }) => sum + length, 0);
  if (bytes === 0 || bytes > swapFreeMb * 1024 * 1024) return 0;
  calls ??= load();
  const { advise, close, open: openProcess } = calls;
  const descriptor = openProcess(pid, 0);
  if (descriptor < 0) return 0;
  let moved = 0;
  try {
    for (const batch of batchesOf(ranges)) {
      if (signal.aborted) break;
      const result = await advise(descriptor, pack(batch), batch.length);
      if (result < 0) break;
      moved += result;
    }
  } finally {
    close(descriptor);
  }
  return moved;
}

function load(): Calls {
  const libc = koffi.load('libc.so.6');
  const madvise = libc.func('long process_madvise(int, const void *, size_t, int, unsigned int)');
  const advise = (descriptor: number, ranges: Buffer, count: number) =>
    new Promise<number>((resolve, reject) => {
      // On a thread of its own: what is written to swap space takes its time.
      madvise.async(descriptor, ranges, count, MADV_PAGEOUT, 0, (error: unknown, result: number) => {
        if (error === null) resolve(result);
        else reject(error);
      });
    });
  return {
    open: libc.func('int pidfd_open(int, unsigned int)'),
    close: libc.func('int close(int)'),
    advise,
  };
}

/** Runs of pages in memory that no file has. */
async function writtenRanges(pid: number): Promise<Range[]> {
  const maps = await readFile(`/proc/${pid}/maps`, 'utf8');
  const pagemap = await open(`/proc/${pid}/pagemap`, 'r');
  const ranges: Range[] = [];
  try {
    for (const line of maps.split('\n')) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw.p /.exec(line) ?? [];
      if (from === undefined || to === undefined) continue;
      const start = Number.parseInt(from, 16);
      const pages = (Number.parseInt(to, 16) - start) / PAGE;
      const entries = Buffer.alloc(pages * 8);
      const { bytesRead } = await pagemap.read(entries, 0, entries.length, (start / PAGE) * 8);
      addRuns(ranges, start, new BigUint64Array(entries.buffer, entries.byteOffset, bytesRead >> 3));
    }
  } finally {
    await pagemap.close();
  }
  return ranges;
}

function addRuns(ranges: Range[], start: number, entries: BigUint64Array): void {
  let from = -1;
  for (let page = 0; page <= entries.length; page += 1) {
    const entry = entries[page] ?? 0n;
    const written = (entry & PRESENT) !== 0n && (entry & OF_FILE) === 0n;
    if (written && from < 0) from = page;
    if (written || from < 0) continue;
    ranges.push({ start: start + from * PAGE, length: (page - from) * PAGE });
    from = -1;
  }
}

function* batchesOf(ranges: readonly Range[]): Generator<readonly Range[]> {
  let batch: Range[] = [];
  let bytes = 0;
  for (const { start, length } of ranges) {
    for (let at = 0; at < length; at += BATCH) {
      const part = { start: start + at, length: Math.min(BATCH, length - at) };
      batch.push(part);
      bytes += part.length;
      if (batch.length < UIO_MAXIOV && bytes < BATCH) continue;
      yield batch;
      batch = [];
      bytes = 0;
    }
  }
  if (batch.length > 0) yield batch;
}

function pack(batch: readonly Range[]): Buffer {
  const packed = Buffer.alloc(batch.length * IOVEC);
  for (const [index, { start, length }] of batch.entries()) {
    packed.writeBigUInt64LE(BigInt(start), index * IOVEC);
    packed.writeBigUInt64LE(BigInt(length), index * IOVEC + 8);
  }
  return packed;
}
