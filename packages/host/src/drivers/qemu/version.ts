import { run } from '../../system/run.ts';
import { QEMU } from './command-line.ts';

export interface QemuVersion {
  readonly major: number;
  readonly minor: number;
  readonly text: string;
}

/** Rejects with `program_missing` when QEMU is not installed. */
export async function qemuVersion(): Promise<QemuVersion> {
  const output = await run(QEMU, ['--version'], { hop: 'driver' });
  const [, text, major, minor] = /version ((\d+)\.(\d+)\.\S+)/.exec(output) ?? [];
  return { major: Number(major ?? 0), minor: Number(minor ?? 0), text: text ?? output.trim() };
}

/** Since 8.2 a file can be mapped copy-on-write that may not be written. */
export function mapsReadOnlyFiles({ major, minor }: QemuVersion): boolean {
  return major > 8 || (major === 8 && minor >= 2);
}
