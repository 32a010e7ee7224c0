import { open } from 'node:fs/promises';
import { GUEST } from '@browser-vm/protocol';
import { LIMITS } from '@browser-vm/rfb';
import type { Picture } from './feed.ts';

/** What is shown before there is anything to show. BGRX. */
const DARK = [0x24, 0x1c, 0x18, 0xff] as const;

export function darkPicture(
  width: number = GUEST.display.width,
  height: number = GUEST.display.height,
): Picture {
  return { width, height, pixels: Buffer.alloc(width * height * 4, Buffer.from(DARK)) };
}

/** A stored picture: BGRX of exactly that size. Throws for any other file. */
export async function readPicture(path: string, width: number, height: number): Promise<Picture> {
  if (width < 1 || height < 1 || width > LIMITS.side || height > LIMITS.side) {
    throw new Error(`first picture of ${width}x${height}, allowed is 1 to ${LIMITS.side} a side`);
  }
  const file = await open(path, 'r');
  try {
    const pixels = Buffer.alloc(width * height * 4);
    const { size } = await file.stat();
    if (size !== pixels.length) throw new Error(`first picture of ${size} bytes, expected ${pixels.length}`);
    const { bytesRead } = await file.read(pixels, 0, pixels.length, 0);
    if (bytesRead !== pixels.length) throw new Error('first picture cut short');
    return { width, height, pixels };
  } finally {
    await file.close();
  }
}
