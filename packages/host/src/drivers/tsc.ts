import { readFile } from 'node:fs/promises';
import { run } from '../system/run.ts';

/**
 * Frequency of the host's time stamp counter in kHz, which emulation hands to the guest as it is. From the
 * kernel's own measurement when it still is in its log, else from /proc/cpuinfo; null when neither says.
 */
export async function tscKhz(): Promise<number | null> {
  const log = await run('dmesg', [], { hop: 'driver' }).catch(() => '');
  const measured = [
    ...log.matchAll(/tsc: (?:Refined TSC clocksource calibration:|Detected) ([\d.]+) MHz/g),
  ].at(-1);
  if (measured?.[1] !== undefined) return Math.round(Number(measured[1]) * 1000);
  const [, shown] = /^cpu MHz\s*:\s*([\d.]+)/m.exec(await readFile('/proc/cpuinfo', 'utf8')) ?? [];
  return shown === undefined ? null : Math.round(Number(shown) * 1000);
}
