import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { run, SYSTEM_PATH } from '../../system/run.ts';

export const QEMU = 'qemu-system-x86_64';

export interface QemuVersion {
  readonly major: number;
  readonly minor: number;
  readonly text: string;
  /** With the distribution's revision. */
  readonly build: string;
}

/** Rejects with `program_missing` when QEMU is not installed. */
export async function qemuVersion(): Promise<QemuVersion> {
  const output = await run(QEMU, ['--version'], { hop: 'driver' });
  const [, text, major, minor] = /version ((\d+)\.(\d+)\.\S+)/.exec(output) ?? [];
  return {
    major: Number(major ?? 0),
    minor: Number(minor ?? 0),
    text: text ?? output.trim(),
    build: output.split('\n')[0] ?? '',
  };
}

/** Changes when the program on disk is another, as after an upgrade. */
export async function qemuProgram(): Promise<string> {
  for (const directory of SYSTEM_PATH.split(':')) {
    const found = await stat(join(directory, QEMU)).catch(() => null);
    if (found !== null) return `${found.dev}:${found.ino}:${found.size}:${found.mtimeMs}`;
  }
  return 'missing';
}

/** Since 8.2 a file can be mapped copy-on-write that may not be written. */
export function mapsReadOnlyFiles({ major, minor }: Pick<QemuVersion, 'major' | 'minor'>): boolean {
  return major > 8 || (major === 8 && minor >= 2);
}

/**
 * Since 8.1 no CPU translates code while another writes it ("accel/tcg: Always lock pages before translation"); before,
 * a CPU could keep a breakpoint that the guest's kernel sets for the moment in which it rewrites an instruction.
 */
export function translatesLockedPages({ major, minor }: Pick<QemuVersion, 'major' | 'minor'>): boolean {
  return major > 8 || (major === 8 && minor >= 1);
}
