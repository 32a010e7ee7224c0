import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

/** A guest decides how much it says; we decide how much is kept. Bytes. */
const MAX_BYTES = 4 * 1024 * 1024;

/** What an agent and its desktop log, kept with the session's other logs. */
export class AgentLog {
  readonly #file: WriteStream;
  #bytes = 0;

  constructor(path: string) {
    this.#file = createWriteStream(path, { flags: 'a', mode: 0o600 });
    // A full disk must not end a session; the log is then shorter.
    this.#file.on('error', () => {});
  }

  write(level: string, message: string): void {
    const line = `${level} ${message.replace(/\p{Cc}+/gu, ' ')}\n`;
    this.#bytes += Buffer.byteLength(line);
    if (this.#bytes <= MAX_BYTES) this.#file.write(line);
  }

  async close(): Promise<void> {
    this.#file.end();
    await finished(this.#file).catch(() => {});
  }
}
