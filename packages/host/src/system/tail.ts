import { open } from 'node:fs/promises';

/** Enough for any tail people read. Bytes. */
const MAX_TAIL = 65_536;

/** Control characters but tab: what a hostile guest prints must not reach a terminal. */
const CONTROL = /(?!\t)\p{Cc}/gu;
const ESCAPE_SEQUENCE = /\p{Cc}\[[0-9;?]*[A-Za-z]/gu;

/** The last lines of a text file that may still grow, oldest first; empty when there is no such file. */
export async function tail(path: string, lines: number): Promise<readonly string[]> {
  const file = await open(path, 'r').catch(() => null);
  if (file === null) return [];
  try {
    const { size } = await file.stat();
    const length = Math.min(size, MAX_TAIL);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer
      .subarray(0, bytesRead)
      .toString('utf8')
      .split('\n')
      .map((line) => line.replace(ESCAPE_SEQUENCE, '').replace(CONTROL, ''))
      .filter((line) => line !== '')
      .slice(-lines);
  } finally {
    await file.close();
  }
}
