import { BrowserVmError, type Framebuffer } from '@browser-vm/protocol';
import type { GuestMemory } from '../drivers/driver.ts';

/**
 * Where the runs of a picture are in the monitor's memory. A guest says where its picture is, and is not trusted: a run
 * that is not wholly in the guest's own memory is refused with `framebuffer_outside`.
 */
export function placesOf(
  { runs }: Pick<Framebuffer, 'runs'>,
  { parts }: Pick<GuestMemory, 'parts'>,
): { readonly address: number; readonly length: number }[] {
  return runs.map(({ address, length }) => {
    const part = parts.find(
      (each) => address >= each.guestAddress && address + length <= each.guestAddress + each.length,
    );
    if (part === undefined) {
      throw new BrowserVmError({
        code: 'framebuffer_outside',
        message: `the guest says that its picture is at ${address} to ${address + length}, where it has no memory`,
        hop: 'display',
      });
    }
    return { address: part.address + address - part.guestAddress, length };
  });
}
