import { closeSync, openSync, readSync } from 'node:fs';

/** Of the ELF format: sections of this type are tables of what a program exports. */
const SHT_DYNSYM = 11;
const SECTION_BYTES = 64;
const SYMBOL_BYTES = 24;
/** A table of exported symbols or of their names is smaller by far. Bytes. */
const MAX_TABLE = 16 * 1024 * 1024;

/**
 * Where exported variables lie, in bytes from where the program is loaded. `path`: a 64-bit little-endian ELF
 * program. Throws when it is none, or does not export one of them.
 */
export function exportedSymbols<Name extends string>(
  path: string,
  names: readonly Name[],
): Record<Name, number> {
  const file = openSync(path, 'r');
  try {
    const header = bytes(file, 0, 64);
    if (header.readUInt32BE(0) !== 0x7f454c46 || header[4] !== 2 || header[5] !== 1) {
      throw new Error(`${path} is no 64-bit little-endian ELF program`);
    }
    const sections = bytes(file, Number(header.readBigUInt64LE(40)), header.readUInt16LE(60) * SECTION_BYTES);
    const section = (index: number) => sections.subarray(index * SECTION_BYTES, (index + 1) * SECTION_BYTES);
    const content = (of: Buffer) =>
      bytes(file, Number(of.readBigUInt64LE(24)), Number(of.readBigUInt64LE(32)));
    const found = new Map<string, number>();
    for (let index = 0; index * SECTION_BYTES < sections.length; index += 1) {
      const table = section(index);
      if (table.readUInt32LE(4) !== SHT_DYNSYM) continue;
      const symbols = content(table);
      const text = content(section(table.readUInt32LE(40)));
      for (let at = 0; at + SYMBOL_BYTES <= symbols.length; at += SYMBOL_BYTES) {
        const start = symbols.readUInt32LE(at);
        const name = text.toString('latin1', start, text.indexOf(0, start));
        if (names.includes(name as Name)) found.set(name, Number(symbols.readBigUInt64LE(at + 8)));
      }
    }
    const missing = names.filter((name) => !found.has(name));
    if (missing.length > 0) throw new Error(`${path} does not export ${missing.join(', ')}`);
    return Object.fromEntries(found) as Record<Name, number>;
  } finally {
    closeSync(file);
  }
}

function bytes(file: number, at: number, length: number): Buffer {
  if (length > MAX_TABLE) throw new Error(`a table of ${length} bytes in a program`);
  const buffer = Buffer.alloc(length);
  if (readSync(file, buffer, 0, length, at) !== length) throw new Error('a program is cut short');
  return buffer;
}
