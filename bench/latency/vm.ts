import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startLiveSession } from '../density/live-session.ts';
import { type Stoppable, startBench } from '../support/bench.ts';
import { sessionProcesses } from '../support/processes.ts';
import { DESKTOP_PAGE } from './desktop-page.ts';
import { measureGuestPart } from './guest-part.ts';
import { HOST_ADDRESS } from './links.ts';
import type { Target, Transport } from './round.ts';

const run = promisify(execFile);

const PORT = 4000;

/** A session in a real VM, with `changes` to the configuration, whose browser shows the page under test where people sign in. */
export async function startVmTarget(
  stoppable: Stoppable,
  changes: Readonly<Record<string, string>>,
): Promise<Target> {
  const settings: Record<string, string> = {
    BROWSER_VM_HOST: '0.0.0.0',
    BROWSER_VM_PORT: String(PORT),
    BROWSER_VM_PUBLIC_URL: `http://${HOST_ADDRESS}:${PORT}`,
    BROWSER_VM_SESSION_TTL_SECONDS: '86400',
    ...changes,
  };
  // Its own address from the start: the wire that has it comes later.
  await run('ip', ['address', 'replace', `${HOST_ADDRESS}/32`, 'dev', 'lo']);
  const bench = await startBench(stoppable, settings, { page: DESKTOP_PAGE });
  const session = await startLiveSession(bench, 'latency');
  if ('refusal' in session) throw new Error(`the host refused: ${session.refusal}`);
  const { controller } = bench;
  return {
    sessionId: session.sessionId,
    displayPid: null,
    newSignInLink: () => controller.newSignInLink(),
    async senders(transport: Transport) {
      if (transport === 'novnc') return [controller.pid];
      const { streamers, readers } = await sessionProcesses(controller.runDir);
      return [...streamers, ...readers];
    },
    ...(settings.BROWSER_VM_PICTURE_SOURCE !== 'auto'
      ? {}
      : {
          async endReaders() {
            const { readers } = await sessionProcesses(controller.runDir);
            if (readers.length === 0) throw new Error('no picture was read from memory');
            for (const pid of readers) process.kill(pid, 'SIGKILL');
          },
        }),
    guestPart: (presses) => measureGuestPart(bench, session.sessionId, presses),
    // Nothing on the host may speak RFB to a guest but the streamer and the gateway.
    reference: async () => null,
  };
}
