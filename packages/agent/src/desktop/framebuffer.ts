import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import type { Framebuffer } from '@browser-vm/protocol';
import { exportedSymbols } from './exported-symbols.ts';

const PAGE = 4096;
/** Of a /proc/PID/pagemap entry: the page is in memory; below bit 55 is its number. */
const PRESENT = 1n << 63n;
const FRAME = (1n << 55n) - 1n;

/** Kept for the X server's memory from the start, and how many more it may get. Huge pages of 2 MiB. */
const HUGE_PAGES = { kept: 8, more: 64 } as const;

/**
 * Has memory allocators use huge pages, which the kernel never moves: what is in one can be looked for where
 * it was. Without pages left they take ordinary ones. See glibc's manual, "Memory Allocation Tunables".
 */
export const HUGE_PAGE_ENVIRONMENT = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=2' } as const;

/** Needs to own the machine. What has no memory for it goes on without. */
export function keepHugePages(): void {
  for (const [name, pages] of [
    ['nr_hugepages', HUGE_PAGES.kept],
    ['nr_overcommit_hugepages', HUGE_PAGES.more],
  ] as const) {
    writeFileSync(`/proc/sys/vm/${name}`, String(pages));
  }
}

/**
 * Where in the machine's memory an X server of TigerVNC keeps its picture of that size. Needs root. Throws when it
 * is not in pages that stay.
 */
export function findFramebuffer(pid: number, width: number, height: number): Framebuffer {
  const { address, mapping } = framebufferOf(pid, width, height);
  if (!mapping.includes('hugepage')) {
    throw new Error('the picture is in ordinary pages, which the kernel may move');
  }
  return { width, height, runs: physicalRuns(pid, address, width * height * 4) };
}

/**
 * Where it is in the server's own memory, and in a mapping of what. Its variables `vncFbptr` and `vncFbstride` tell,
 * whatever it did before.
 */
export function framebufferOf(
  pid: number,
  width: number,
  height: number,
): { readonly address: number; readonly mapping: string } {
  const symbols = exportedSymbols(`/proc/${pid}/exe`, ['vncFbptr', 'vncFbstride']);
  const mappings = readMappings(pid);
  const base = mappings.find(({ offset, path }) => offset === 0 && path.endsWith('/Xtigervnc'))?.start;
  if (base === undefined) throw new Error(`process ${pid} is no Xtigervnc`);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    const address = Number(read(memory, base + symbols.vncFbptr, 8).readBigUInt64LE());
    const pixelsInRow = read(memory, base + symbols.vncFbstride, 4).readUInt32LE();
    const mapping = mappings.find(({ start, end }) => start <= address && address < end);
    if (mapping === undefined || address + width * height * 4 > mapping.end || pixelsInRow !== width) {
      throw new Error(`there is no picture of ${width}x${height}: rows are of ${pixelsInRow} pixels`);
    }
    return { address, mapping: mapping.path };
  } finally {
    closeSync(memory);
  }
}

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly path: string;
}

function readMappings(pid: number): Mapping[] {
  const lines = readFileSync(`/proc/${pid}/maps`, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [range = '', , offset = '', , , ...path] = line.split(/\s+/);
    const [start = 0, end = 0] = range.split('-').map((text) => Number.parseInt(text, 16));
    return { start, end, offset: Number.parseInt(offset, 16), path: path.join(' ') };
  });
}

function physicalRuns(pid: number, address: number, length: number): Framebuffer['runs'] {
  const first = Math.floor(address / PAGE);
  const count = Math.ceil((address + length) / PAGE) - first;
  const pagemap = openSync(`/proc/${pid}/pagemap`, 'r');
  try {
    const entries = read(pagemap, first * 8, count * 8);
    const runs: { address: number; length: number }[] = [];
    for (let index = 0; index < count; index += 1) {
      const entry = entries.readBigUInt64LE(index * 8);
      if ((entry & PRESENT) === 0n) throw new Error('part of the picture is not in memory');
      const page = Number(entry & FRAME) * PAGE;
      const from = index === 0 ? address % PAGE : 0;
      const to = Math.min(PAGE, address + length - (first + index) * PAGE);
      const last = runs.at(-1);
      if (last !== undefined && last.address + last.length === page + from) last.length += to - from;
      else runs.push({ address: page + from, length: to - from });
    }
    return runs;
  } finally {
    closeSync(pagemap);
  }
}

function read(file: number, at: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  const taken = readSync(file, buffer, 0, length, at);
  if (taken !== length) throw new Error(`only ${taken} of ${length} bytes at ${at.toString(16)}`);
  return buffer;
}
