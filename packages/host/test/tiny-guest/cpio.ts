/** One entry of an initrd. Directories and links have no content of their own. */
export interface CpioEntry {
  readonly path: string;
  /** Type and permission bits as `stat` shows them, such as 0o100755. */
  readonly mode: number;
  readonly content: Buffer;
}

const TRAILER = 'TRAILER!!!';

/** An uncompressed `newc` archive, which is what a kernel unpacks as its first file system. */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const all = [...entries, { path: TRAILER, mode: 0, content: Buffer.alloc(0) }];
  return Buffer.concat(all.flatMap((entry, index) => record(entry, index + 1)));
}

function record(entry: CpioEntry, inode: number): Buffer[] {
  const name = Buffer.from(`${entry.path}\0`);
  const fields = [inode, entry.mode, 0, 0, 1, 0, entry.content.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return [padded(Buffer.concat([Buffer.from(header), name])), padded(entry.content)];
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((4 - (content.length % 4)) % 4)]);
}
