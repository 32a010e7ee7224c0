import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Characters of a SHA-256 that name an image or a layer. */
const KEY_LENGTH = 16;

/** First 16 hex digits of the SHA-256 over `parts`, whose order and borders count. */
export function contentKey(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    hash.update(`${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex').slice(0, KEY_LENGTH);
}

/** Names, modes and contents of every file below `directory`, as parts of a key, in a stable order. */
export async function directoryParts(directory: string): Promise<(string | Uint8Array)[]> {
  const parts: (string | Uint8Array)[] = [];
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  for (const file of files.sort()) {
    const executable = ((await stat(file)).mode & 0o100) !== 0;
    parts.push(path.relative(directory, file), executable ? 'x' : '-', await readFile(file));
  }
  return parts;
}

/** The source of builder modules: what they make changes with them. */
export async function sourceParts(...modules: readonly string[]): Promise<Uint8Array[]> {
  return Promise.all(modules.map((name) => readFile(path.join(import.meta.dirname, name))));
}

/** SHA-256 of a file in hex, read as a stream. */
export async function hashFile(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash, { signal });
  return hash.digest('hex');
}
