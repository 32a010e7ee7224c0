import { BrowserVmError } from '@browser-vm/protocol';
import type { Driver } from './driver.ts';
import { createQemuDriver, type QemuDriverOptions } from './qemu/index.ts';

/** The driver of that name. Rejects an unknown one with the list. */
export function createDriver(name: string, options: QemuDriverOptions): Driver {
  if (name === 'qemu') return createQemuDriver(options);
  throw new BrowserVmError({
    code: 'unknown_driver',
    message: `there is no driver ${name}; there is: qemu`,
    hop: 'configuration',
  });
}
