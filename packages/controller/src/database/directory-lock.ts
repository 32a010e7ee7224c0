import { DatabaseSync } from 'node:sqlite';
import { BrowserVmError } from '@browser-vm/protocol';

/**
 * Takes `path` for this process, or throws `database_in_use`.
 * Node.js offers no file lock of its own; SQLite's is one the kernel drops with the process, so a killed
 * controller leaves nothing stale.
 */
export function lockDirectory(path: string): { release(): void } {
  const lock = new DatabaseSync(path);
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    throw new BrowserVmError(
      {
        code: 'database_in_use',
        message: `another controller uses the database beside ${path}`,
        hop: 'database',
        remedy: 'stop that controller, or give this one its own BROWSER_VM_STATE_DIR',
      },
      { cause },
    );
  }
  return { release: () => lock.close() };
}
