/** One entry of an archive in the `newc` format, which the kernel unpacks as the initial root. */
export interface CpioEntry {
  /** Without a leading slash. */
  readonly name: string;
  /** Type and permissions as in `stat`: 0o100755 a program, 0o40755 a directory. */
  readonly mode: number;
  readonly content?: Uint8Array;
  /** Major and minor number of a device node. */
  readonly device?: readonly [number, number];
}

const TRAILER = 'TRAILER!!!';

/**
 * Packs entries in the order given, each after the directories it lies in, which need no entries of
 * their own. All belong to root and carry no time, so that the same entries give the same bytes.
 */
export function packCpio(entries: readonly CpioEntry[]): Buffer {
  const chunks: Buffer[] = [];
  const all = [...withParents(entries), { name: TRAILER, mode: 0 }];
  all.forEach((entry: CpioEntry, index) => {
    const name = Buffer.from(`${entry.name}\0`);
    const content = entry.content ?? new Uint8Array();
    const inode = entry.name === TRAILER ? 0 : index + 1;
    const links = (entry.mode & 0o170000) === 0o040000 ? 2 : 1;
    const [major, minor] = entry.device ?? [0, 0];
    const fields = [inode, entry.mode, 0, 0, links, 0, content.length, 0, 0, major, minor, name.length, 0];
    const header = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
    chunks.push(pad(Buffer.concat([Buffer.from(`070701${header}`), name])), pad(Buffer.from(content)));
  });
  return Buffer.concat(chunks);
}

function withParents(entries: readonly CpioEntry[]): CpioEntry[] {
  const known = new Set(entries.filter(({ mode }) => (mode & 0o170000) === 0o040000).map(({ name }) => name));
  return entries.flatMap((entry) => {
    const steps = entry.name.split('/').slice(0, -1);
    const parents = steps.map((_, index) => steps.slice(0, index + 1).join('/'));
    const missing = parents.filter((parent) => !known.has(parent));
    for (const parent of missing) known.add(parent);
    return [...missing.map((name) => ({ name, mode: 0o40755 })), entry];
  });
}

/** Header with name, and content, each end on a multiple of four bytes. */
function pad(bytes: Buffer): Buffer {
  const missing = (4 - (bytes.length % 4)) % 4;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}
