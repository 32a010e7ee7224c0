import { createWriteStream, type WriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

/** A streamer is not trusted with our disk. Bytes; what comes after is dropped. */
const MAX_BYTES = 1024 * 1024;

/** What a streamer prints: kept in memory until its session is known, then in that session's file. */
export class StreamerLog {
  #bytes = 0;
  #chunks: Buffer[] = [];
  #last = '';
  #file: WriteStream | null = null;

  constructor(streams: readonly Readable[]) {
    for (const stream of streams) {
      stream.on('data', (chunk: Buffer) => this.#add(chunk));
      // Its end is told by the process.
      stream.on('error', () => {});
    }
  }

  /** From the first byte; the file is made when it does not exist. */
  keepIn(path: string): void {
    this.#file = createWriteStream(path, { flags: 'a', mode: 0o600 });
    // A log that cannot be written must not end a session.
    this.#file.on('error', () => {});
    for (const chunk of this.#chunks.splice(0)) this.#file.write(chunk);
  }

  /** Its last words; null when it said nothing. */
  get lastLine(): string | null {
    return this.#last.trimEnd().split('\n').at(-1) || null;
  }

  async close(): Promise<void> {
    if (this.#file === null) return;
    this.#file.end();
    await finished(this.#file).catch(() => {});
  }

  #add(chunk: Buffer): void {
    this.#last = (this.#last + chunk.toString('utf8')).slice(-1000);
    if (this.#bytes > MAX_BYTES) return;
    this.#bytes += chunk.length;
    if (this.#file === null) this.#chunks.push(chunk);
    else this.#file.write(chunk);
  }
}
