import { constants, existsSync, type FSWatcher, watch } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { ProviderDescriptor } from '@browser-vm/protocol';
import { type Reading, readCredential } from './credential-content.ts';

const ABSENT: Reading = { ok: false, why: 'it does not exist' };

/**
 * A credential file below `home`, watched through its directory: tools rename a finished file over it, or
 * write it in place. Directories on the way need not exist yet.
 */
export class CredentialFile {
  readonly #home: string;
  readonly #description: ProviderDescriptor['credential'];
  readonly #onComplete: () => void;
  readonly #path: string;
  #watcher: FSWatcher | null = null;
  #watched = '';
  #closed = false;

  /** `onComplete`: once, when the file first parses and holds what is required. */
  constructor(home: string, description: ProviderDescriptor['credential'], onComplete: () => void) {
    this.#home = home;
    this.#description = description;
    this.#onComplete = onComplete;
    this.#path = join(home, description.path);
    this.#look();
  }

  async read(): Promise<Reading> {
    const file = await open(
      this.#path,
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    ).catch(() => null);
    if (file === null) return ABSENT;
    try {
      const status = await file.stat();
      if (!status.isFile()) return { ok: false, why: 'it is no regular file' };
      const limit = this.#description.maxBytes;
      // One byte more than allowed is read, whatever the size said a moment ago.
      const { bytesRead, buffer } = await file.read(Buffer.alloc(limit + 1), 0, limit + 1, 0);
      if (bytesRead > limit) return { ok: false, why: `it is longer than ${limit} bytes` };
      return readCredential(buffer.toString('utf8', 0, bytesRead), this.#description);
    } finally {
      await file.close();
    }
  }

  close(): void {
    this.#closed = true;
    this.#watcher?.close();
  }

  #look(): void {
    this.#watchNearest();
    this.read().then(
      (reading) => {
        if (this.#closed || !reading.ok) return;
        this.close();
        this.#onComplete();
      },
      () => undefined,
    );
  }

  /** Watches the file's directory, or the nearest one above it that exists. */
  #watchNearest(): void {
    let nearest = dirname(this.#path);
    while (!existsSync(nearest) && relative(this.#home, nearest) !== '') nearest = dirname(nearest);
    if (nearest === this.#watched) return;
    this.#watcher?.close();
    this.#watched = nearest;
    this.#watcher = watch(nearest, () => {
      if (!this.#closed) this.#look();
    });
    // A directory that vanishes is found again through the one above it, when the tool ends at the latest.
    this.#watcher.on('error', () => undefined);
    // What appeared between the look and the watch is found by looking once more.
    if (nearest !== dirname(this.#path) && existsSync(dirname(this.#path))) this.#watchNearest();
  }
}
