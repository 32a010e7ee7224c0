import { readFileSync } from 'node:fs';

/** Milliseconds since the kernel started, suspended time included; the kernel gives it to 10 ms. */
export function sinceKernelStartMs(): number {
  return Math.round(Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 1000);
}

/** When the first process started, in milliseconds since the kernel started: the kernel's own part of a boot. */
export function initStartedMs(): number {
  const stat = readFileSync('/proc/1/stat', 'utf8');
  // The name in parentheses may hold anything; field 22 (starttime, in ticks of 10 ms) is 20th after it.
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return Number(ticks ?? 0) * 10;
}
