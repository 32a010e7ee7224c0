import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { BrowserVmError, GUEST } from '@browser-vm/protocol';
import { RfbClient, RfbError } from '@browser-vm/rfb';
import { AgentClient } from '../agent-client/agent-client.ts';
import type { Slot } from '../slot/slot.ts';
import { rest } from '../system/rest.ts';

/** A guest that wakes up under emulation and does all this the first time takes 2 s; a loaded host is far slower. Milliseconds. */
const LIMIT = 120_000;
/** How long it must be at rest, and may take to come to rest. Milliseconds. */
/** Without a change of the picture. Milliseconds. */
const SETTLED = 300;
const CALM = 300;
const CALM_LIMIT = 5000;
/** X11: the left Shift key, which by itself does nothing. */
const SHIFT = 0xffe1;

/**
 * Has a running VM that is nobody's yet do what every start has it do: answer the agent's routes, take on an
 * identity, show its desktop, answer a press of mouse and key. Under emulation a monitor translates the code that
 * its guest runs, and cannot share it; done ahead, nobody waits for it. Leaves the desktop as it was, which it
 * sees for itself, and nothing of the identity counts. Resolves when the guest is at rest again, still running.
 */
export async function rehearse(
  slot: Pick<Slot, 'agent' | 'vnc'>,
  pid: number,
  aborted: AbortSignal,
): Promise<void> {
  const signal = AbortSignal.any([aborted, AbortSignal.timeout(LIMIT)]);
  // Both are over when this is, also when one fails.
  const results = await Promise.allSettled([askAgent(slot.agent, signal), useDesktop(slot.vnc, signal)]);
  aborted.throwIfAborted();
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) {
    throw new BrowserVmError(
      {
        code: 'rehearsal_failed',
        message: `a VM that should wait for its user did not answer: ${(failed.reason as Error).message}`,
        hop: 'host',
      },
      { cause: failed.reason },
    );
  }
  await rest(pid, { calmMs: CALM, limitMs: CALM_LIMIT, signal: aborted });
}

async function askAgent(at: Slot['agent'], signal: AbortSignal): Promise<void> {
  const agent = new AgentClient(at);
  const following = new AbortController();
  try {
    await agent.reachable(signal);
    await agent.rehearse(
      {
        unixTimeMs: Date.now(),
        entropy: randomBytes(64).toString('base64'),
        machineId: randomBytes(16).toString('hex'),
        hostname: GUEST.hostname,
        timezone: 'Etc/UTC',
      },
      signal,
    );
    for await (const { event } of agent.events(AbortSignal.any([signal, following.signal]))) {
      if (event.type === 'stage' && event.stage === 'browser') return;
    }
    signal.throwIfAborted();
  } finally {
    following.abort();
    agent.close();
  }
}

/** Where the page is empty: its words and its bar are in the middle. The pointer ends where X puts it at first. */
async function useDesktop(at: Slot['vnc'], signal: AbortSignal): Promise<void> {
  const client = await connect(at, signal);
  try {
    const x = client.width / 2;
    const y = client.height / 4;
    // A pointer that somebody else moved is drawn into the first picture, and taken out of it some time after.
    client.pointer(x, y, 0);
    await client.takePicture({ timeoutMs: LIMIT, signal });
    await settled(client, signal);
    const pixels = Buffer.from(client.framebuffer);
    client.pointer(x, y, 1);
    await shown(client, () => !client.framebuffer.equals(pixels), signal);
    client.pointer(x, y, 0);
    client.key(SHIFT, true);
    client.key(SHIFT, false);
    await shown(client, () => client.framebuffer.equals(pixels), signal);
    client.pointer(x, client.height / 2, 0);
  } finally {
    client.close();
  }
}

/** A machine that has just been resumed may lose the first packets. */
async function connect(at: Slot['vnc'], signal: AbortSignal): Promise<RfbClient> {
  for (;;) {
    try {
      return await RfbClient.connect(at, { signal, reachTimeoutMs: 500 });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RfbError) || error.code !== 'timeout') throw error;
    }
  }
}

/** Resolves when the picture satisfies; rejects when it does not in time, or the connection ends. */
async function shown(client: RfbClient, satisfies: () => boolean, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = () => (satisfies() ? resolve() : client.requestUpdate());
  const closed = (error: Error | null) => reject(error ?? new Error('the connection was closed'));
  const abort = () => reject(new Error('the desktop does not answer a pressed mouse button as it did'));
  client.on('update', look).once('closed', closed);
  signal.addEventListener('abort', abort, { once: true });
  try {
    look();
    await promise;
  } finally {
    client.off('update', look).off('closed', closed);
    signal.removeEventListener('abort', abort);
  }
}

/** Resolves when nothing has changed for a while. */
async function settled(client: RfbClient, signal: AbortSignal): Promise<void> {
  let changes = 0;
  const changed = (damage: readonly unknown[]) => {
    changes += damage.length;
    client.requestUpdate();
  };
  client.on('update', changed);
  client.requestUpdate();
  try {
    for (let before = -1; before !== changes; ) {
      before = changes;
      await delay(SETTLED, undefined, { signal });
    }
  } finally {
    client.off('update', changed);
  }
}
