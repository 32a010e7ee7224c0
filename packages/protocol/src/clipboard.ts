import { z } from 'zod';

/** Images cross the clipboard as PNG, the one type that every browser writes. Bytes. */
export const CLIPBOARD_IMAGE = { type: 'image/png', maxBytes: 8 * 1_048_576 } as const;

/** Of every PNG (ISO/IEC 15948, 5.2). */
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

export const clipboardImageSchema = z
  .instanceof(Uint8Array)
  .refine((bytes) => bytes.length <= CLIPBOARD_IMAGE.maxBytes, 'an image has 8 MiB at most')
  .refine((bytes) => SIGNATURE.every((byte, at) => bytes[at] === byte), 'it is no PNG');
