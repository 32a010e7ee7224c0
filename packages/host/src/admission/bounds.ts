import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { MONITOR_OVERHEAD_MB } from '../drivers/driver.ts';
import { STREAMER_LIMIT_MB } from '../streamer-process/streamer-process.ts';
import type { Template } from '../template/template.ts';

/** Unique memory of a streamer while it is watched, measured. MiB. */
const STREAMER_MB = 110;

/**
 * What a VM of this template takes before any was measured: a copy of every page that the template has, and
 * everything its monitor may keep beside the guest; and what it can take at most. MiB.
 */
export async function boundsOf(
  template: Template,
): Promise<{ readonly initialMb: number; readonly worstMb: number }> {
  const { blocks } = await stat(join(template.directory, 'memory'));
  const touchedMb = (blocks * 512) / (1024 * 1024);
  return {
    initialMb: touchedMb + MONITOR_OVERHEAD_MB + STREAMER_MB,
    worstMb: template.manifest.memoryMb + MONITOR_OVERHEAD_MB + STREAMER_LIMIT_MB,
  };
}
