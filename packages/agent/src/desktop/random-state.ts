import { readFileSync } from 'node:fs';
import { processesOf } from './processes.ts';

/**
 * Ends Chromium's network process, which the browser then starts anew, where the CPU does not make that
 * needless. BoringSSL keeps a random generator per thread, seeded once and refreshed after thousands of
 * calls, and cannot know that its memory was cloned; a process that did TLS before the template froze would
 * give every VM the same keys. A new one is forked, which BoringSSL does notice, and reads the kernel's
 * generator. On an Intel CPU with RDRAND, BoringSSL mixes a fresh draw into every call instead.
 * Returns how many processes were ended.
 */
export function renewBrowserRandomness(browserPid: number): number {
  if (cpuRefreshesEachDraw(readFileSync('/proc/cpuinfo', 'utf8'))) return 0;
  let ended = 0;
  for (const { pid, commandLine } of processesOf(browserPid)) {
    if (!commandLine.includes('--utility-sub-type=network.mojom.NetworkService')) continue;
    process.kill(pid, 'SIGKILL');
    ended += 1;
  }
  return ended;
}

/** `cpuInfo`: the text of /proc/cpuinfo. */
export function cpuRefreshesEachDraw(cpuInfo: string): boolean {
  return /^vendor_id\s*: GenuineIntel$/m.test(cpuInfo) && /^flags\s*:.* rdrand\b/m.test(cpuInfo);
}
