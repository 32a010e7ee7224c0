import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { BrowserVmError } from '@browser-vm/protocol';

/** Offsets in a bzImage, from the kernel's Documentation/arch/x86/boot.rst. */
const SETUP_SECTORS = 0x1f1;
const MAGIC = 0x202;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;

const DECOMPRESSORS: readonly { magic: string; decompress: (bytes: Buffer) => Buffer }[] = [
  { magic: '28b52ffd', decompress: (bytes) => zstdDecompressSync(bytes) },
  { magic: '1f8b', decompress: (bytes) => gunzipSync(bytes) },
];

/**
 * The uncompressed ELF kernel inside a bzImage: it boots by PVH at once, without decompressing itself
 * in the guest. Throws `kernel_not_understood`.
 */
export function extractVmlinux(bzImage: Buffer): Buffer {
  if (bzImage.toString('latin1', MAGIC, MAGIC + 4) !== 'HdrS') throw notUnderstood('it is no bzImage');
  // Zero stands for four, as boot loaders have always read it.
  const setupSectors = bzImage[SETUP_SECTORS] || 4;
  const start = (setupSectors + 1) * 512 + bzImage.readUInt32LE(PAYLOAD_OFFSET);
  const end = start + bzImage.readUInt32LE(PAYLOAD_LENGTH);
  if (end > bzImage.length) throw notUnderstood('its payload lies outside of the file');
  // The build appends the unpacked size to the compressed stream.
  const payload = bzImage.subarray(start, end - 4);
  const format = DECOMPRESSORS.find(({ magic }) => payload.toString('hex', 0, 4).startsWith(magic));
  if (format === undefined) {
    throw notUnderstood(`its payload begins with ${payload.toString('hex', 0, 4)}, neither zstd nor gzip`);
  }
  const vmlinux = format.decompress(payload);
  if (vmlinux.toString('latin1', 0, 4) !== '\x7fELF') throw notUnderstood('its payload is no ELF file');
  return vmlinux;
}

function notUnderstood(why: string): BrowserVmError {
  return new BrowserVmError({
    code: 'kernel_not_understood',
    message: `the kernel of the image cannot be unpacked: ${why}`,
    hop: 'image',
    remedy: 'name another kernelPackage in image/recipe.json',
  });
}
