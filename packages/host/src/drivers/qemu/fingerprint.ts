import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type GuestMachine, kernelCommandLine, qemuArguments, TRANSLATION_MB } from './command-line.ts';
import type { QemuVersion } from './version.ts';

/** The clock is measured anew at each start of the host and comes out a little different. kHz. */
const SAME_CLOCK = 10_000;

/** Two are equal when a snapshot made under one can be resumed under the other. */
export async function fingerprint(
  machine: GuestMachine & { readonly qemu: Pick<QemuVersion, 'build'> },
): Promise<string> {
  const { accelerator, tscKhz, qemu } = machine;
  const drives = [
    { id: 'one', path: '' },
    { id: 'two', path: '' },
  ];
  const network = { namespace: '', tap: 'tap', macAddress: '' };
  const spec = { id: '', directory: '', uid: 1, gid: 1, vcpus: 1, memoryMb: 1, kernel: '', initrd: '' };
  const template = qemuArguments(
    { ...spec, commandLine: '', drives, network },
    {
      accelerator,
      commandLine: kernelCommandLine({ commandLine: '', vcpus: 2 }, { ...machine, tscKhz: null }),
      memory: 'template',
      incoming: false,
      // Nothing of it is in a snapshot.
      translationMb: TRANSLATION_MB,
      descriptors: { qmp: 3, console: 4, kernel: 5, initrd: 6, drives: [7, 8], memory: 9 },
    },
  );
  const clock = tscKhz === null ? null : Math.round(tscKhz / SAME_CLOCK);
  return createHash('sha256')
    .update(JSON.stringify([qemu.build, template, clock, accelerator === 'kvm' ? await cpu() : null]))
    .digest('hex')
    .slice(0, 16);
}

/** What the guest's kernel and programs found in the CPU and chose their code by. Emulation has a CPU of its own. */
async function cpu(): Promise<readonly string[]> {
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  return ['model name', 'stepping', 'microcode', 'flags', 'CPU part', 'Features'].map(
    (field) => new RegExp(`^${field}\\s*: (.*)$`, 'm').exec(text)?.[1] ?? '',
  );
}
