import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A directory written to within this may belong to a session of another controller. Milliseconds. */
const RESTING = 60_000;
const SESSION_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface LogLimits {
  /** MB of 10^6 bytes, as they lie on the disk. */
  readonly maxMb: number;
  readonly maxSessions: number;
  /** Sessions that still write. */
  readonly keep: ReadonlySet<string>;
}

/** Removes the oldest sessions' logs until the rest is within both limits. Returns how many sessions that were. */
export async function pruneLogs(directory: string, { keep, maxMb, maxSessions }: LogLimits): Promise<number> {
  const found: { name: string; bytes: number; writtenAt: number }[] = [];
  for (const name of await readdir(directory).catch((): string[] => [])) {
    if (SESSION_ID.test(name)) found.push({ name, ...(await sizeOf(join(directory, name))) });
  }
  found.sort((one, other) => one.writtenAt - other.writtenAt);
  let bytes = found.reduce((sum, log) => sum + log.bytes, 0);
  let sessions = found.length;
  let removed = 0;
  for (const log of found) {
    if (bytes <= maxMb * 1e6 && sessions <= maxSessions) break;
    if (keep.has(log.name) || Date.now() - log.writtenAt < RESTING) continue;
    await rm(join(directory, log.name), { recursive: true, force: true });
    bytes -= log.bytes;
    sessions -= 1;
    removed += 1;
  }
  return removed;
}

async function sizeOf(directory: string): Promise<{ bytes: number; writtenAt: number }> {
  let bytes = 0;
  let writtenAt = (await stat(directory).catch(() => null))?.mtimeMs ?? 0;
  for (const name of await readdir(directory).catch((): string[] => [])) {
    const file = await stat(join(directory, name)).catch(() => null);
    bytes += 512 * (file?.blocks ?? 0);
    writtenAt = Math.max(writtenAt, file?.mtimeMs ?? 0);
  }
  return { bytes, writtenAt };
}
