import { chownSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PROVIDERS } from '@browser-vm/protocol';
import type { AgentOptions } from '../options.ts';
import { asUser, cleanEnvironment } from '../user.ts';
import { askStatus } from './status.ts';

/**
 * Runs each tool once, in a home that is thrown away: what it reads of itself then lies in the template's memory,
 * which all VMs share, instead of being read by each into its own. What a tool answers, and whether it is installed,
 * does not matter.
 */
export async function cacheTools(options: AgentOptions): Promise<void> {
  const home = await mkdtemp(path.join(tmpdir(), 'tools-'));
  try {
    chownSync(home, options.user.uid, options.user.gid);
    const environment = { ...cleanEnvironment(options), HOME: home };
    for (const { status } of PROVIDERS.values()) {
      if (status === null) continue;
      const never = new AbortController().signal;
      await askStatus(asUser(options.user, status.argv), environment, home, never).catch(() => {});
    }
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
