import { readdir, readFile } from 'node:fs/promises';

/** What a process holds. */
export interface Footprint {
  /** Resident memory that is its own, 10^6 bytes. */
  readonly memoryMb: number;
  readonly descriptors: number;
  readonly threads: number;
}

/** A heap grows and shrinks by this between two looks without anything being lost. MB. */
const HEAP_NOISE = 64;
/** Connections that are kept for the next request come and go. */
const DESCRIPTOR_NOISE = 16;
/** Of a session that leaves something behind: a few closures at least. MB. */
const PER_SESSION_MB = 0.5;

export async function footprintOf(pid: number): Promise<Footprint> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
  return {
    memoryMb: Math.round((field('RssAnon') * 1024) / 1e6),
    descriptors: (await readdir(`/proc/${pid}/fd`)).length,
    threads: field('Threads'),
  };
}

/** What grew with the number of sessions, one line each. */
export function grownBy(before: Footprint, after: Footprint, sessions: number): string[] {
  const limits: Footprint = {
    memoryMb: before.memoryMb + HEAP_NOISE + sessions * PER_SESSION_MB,
    descriptors: before.descriptors + DESCRIPTOR_NOISE + Math.floor(sessions / 4),
    threads: before.threads + 4,
  };
  return (['memoryMb', 'descriptors', 'threads'] as const).flatMap((name) =>
    after[name] > limits[name]
      ? [`controller's ${name}: ${before[name]} grew to ${after[name]} over ${sessions} sessions`]
      : [],
  );
}
