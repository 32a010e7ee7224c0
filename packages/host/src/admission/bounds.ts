import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MONITOR_OVERHEAD_MB } from '../drivers/driver.ts';
import { STREAMER_LIMIT_MB } from '../streamer-process/streamer-process.ts';
import type { Template } from '../template/template.ts';

/** Of a streamer that is watched, measured, and of a monitor beside its guest, code it translated included. MiB. */
const STREAMER_MB = 110;
const MONITOR_MB = 128;
/** Of the pages a template has, a session writes far fewer than this: most hold files and are only read. */
const WRITTEN_SHARE = 0.5;

/**
 * What a VM of this template takes before any was measured, with room to spare, and what it can take at most.
 * MiB.
 */
export async function boundsOf(
  template: Template,
): Promise<{ readonly initialMb: number; readonly worstMb: number }> {
  const { blocks } = await stat(join(template.directory, 'memory'));
  const touchedMb = (blocks * 512) / (1024 * 1024);
  return {
    initialMb: touchedMb * WRITTEN_SHARE + MONITOR_MB + STREAMER_MB,
    worstMb: template.manifest.memoryMb + MONITOR_OVERHEAD_MB + STREAMER_LIMIT_MB,
  };
}
