import { type AgentHealth, BrowserVmError } from '@browser-vm/protocol';
import type { AgentClient } from './agent-client.ts';

/** An agent answers 5 to 9 s after a cold boot under emulation began. Milliseconds. */
export const COLD_BOOT_SILENCE = 120_000;

/**
 * The first answer of an agent whose guest boots. A kernel that hangs, one core busy, never says so by itself: rejects
 * with `agent_silent` after `limitMs`.
 */
export async function firstAnswer(
  agent: AgentClient,
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal },
): Promise<AgentHealth> {
  const limit = AbortSignal.timeout(limitMs);
  return await agent.reachable(AbortSignal.any([signal, limit])).catch((error: unknown) => {
    if (!limit.aborted || signal.aborted) throw error;
    const message = `no agent answered within ${limitMs / 1000} s`;
    throw new BrowserVmError({ code: 'agent_silent', message, hop: 'agent' }, { cause: error });
  });
}
