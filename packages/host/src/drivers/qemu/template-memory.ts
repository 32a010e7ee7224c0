import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { BrowserVmError } from '@browser-vm/protocol';
import { SYSTEM_PATH } from '../../system/run.ts';

/**
 * QEMU before 8.2 opens the memory file it copies from for writing even though it maps it copy-on-write. A
 * monitor taken over by its guest could then write into every other VM. So it gets the file's content in
 * sealed memory, which can be opened for writing and never written; all VMs of a template share it. Perl,
 * because it is in every Debian and can make the two system calls: memfd_create with MFD_ALLOW_SEALING, and
 * fcntl(F_ADD_SEALS, SEAL | SHRINK | GROW | WRITE).
 */
const SEALER = `
use strict; use Config;
my $number = $Config{archname} =~ /^x86_64/ ? 319 : 279;
my $name = "browser-vm-template";
my $fd = syscall($number, $name, 2);
die "memfd_create: $!\\n" if $fd < 0;
open(my $memory, "+<&=", $fd) or die "$!\\n";
open(my $file, "<:raw", $ARGV[0]) or die "$ARGV[0]: $!\\n";
binmode $memory;
truncate($memory, -s $file) or die "$!\\n";
my ($at, $zero) = (0, "\\0" x 65536);
while (my $length = sysread($file, my $chunk, 65536)) {
  if ($chunk ne $zero) {
    sysseek($memory, $at, 0);
    defined syswrite($memory, $chunk) or die "$!\\n";
  }
  $at += $length;
}
fcntl($memory, 1033, 15) or die "seal: $!\\n";
$| = 1;
print "$fd\\n";
<STDIN>;
`;

/** Descriptors of sealed copies, one per snapshot, kept until `close`. */
export class SealedMemory {
  readonly #copies = new Map<string, Promise<number>>();

  /** A descriptor of the file's content, which the caller closes. */
  async descriptor(path: string): Promise<number> {
    const { ino, mtimeMs } = await stat(path);
    const key = `${path}:${ino}:${mtimeMs}`;
    const known = this.#copies.get(key) ?? seal(path);
    this.#copies.set(key, known);
    known.catch(() => this.#copies.delete(key));
    const descriptor = await known;
    // Forgotten meanwhile, and with that closed.
    if (this.#copies.get(key) !== known) return await this.descriptor(path);
    return openSync(`/proc/self/fd/${descriptor}`, 'r');
  }

  /** Of one file; VMs that run from it keep theirs. */
  async forget(path: string): Promise<void> {
    for (const [key, copy] of this.#copies) {
      if (!key.startsWith(`${path}:`)) continue;
      this.#copies.delete(key);
      const descriptor = await copy.catch(() => null);
      if (descriptor !== null) closeSync(descriptor);
    }
  }

  async close(): Promise<void> {
    const copies = await Promise.allSettled(this.#copies.values());
    this.#copies.clear();
    for (const copy of copies) if (copy.status === 'fulfilled') closeSync(copy.value);
  }
}

async function seal(path: string): Promise<number> {
  const perl = spawn('perl', ['-e', SEALER, path], {
    env: { PATH: SYSTEM_PATH, LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  try {
    return openSync(`/proc/${perl.pid}/fd/${await firstLine(perl)}`, 'r');
  } finally {
    perl.stdin?.end();
    if (perl.exitCode === null) await once(perl, 'close');
  }
}

async function firstLine(perl: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let output = '';
  let errors = '';
  perl.stdout?.on('data', (chunk) => {
    output += chunk;
    if (output.includes('\n')) resolve(output.trim());
  });
  perl.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  const failed = (why: string) =>
    reject(
      new BrowserVmError({
        code: 'template_memory_failed',
        message: `the template's memory could not be sealed: ${why}`,
        hop: 'template',
      }),
    );
  perl.once('error', (error) => failed(error.message));
  perl.once('close', (code) => failed(errors.trim() || `perl ended with ${code}`));
  return await promise;
}
