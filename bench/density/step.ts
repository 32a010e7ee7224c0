import { monitorsOf } from '../../test/e2e/support/monitors.ts';
import type { Bench } from '../support/bench.ts';
import { coresUsed, type Memory, memoryOfAll, sessionProcesses } from '../support/processes.ts';
import type { LiveSession } from './live-session.ts';

/** One group of VMs at one step. */
export interface Group {
  readonly memory: readonly Memory[];
  /** That each monitor keeps busy. */
  readonly cores: readonly number[];
}

export interface Step {
  readonly started: number;
  /** Of these, the ones that live: a tool waits for its user only so long. */
  readonly sessions: number;
  readonly agentReadyMs: number;
  readonly watched: Group;
  readonly unwatched: Group;
  readonly streamers: readonly Memory[];
  /** VMs whose CPUs stood still after the measurement. */
  readonly standby: number;
  /** What the host expects of one more VM, and how many it believes to fit. */
  readonly admission: { readonly perVmMb: number; readonly roomForVms: number };
}

/** Looks at everything that runs for the live sessions; CPU over `windowMs`. */
export async function measureStep(
  bench: Bench,
  sessions: readonly LiveSession[],
  windowMs: number,
): Promise<Step> {
  const { api, controller, signal } = bench;
  const monitors = await monitorsOf(controller);
  const pids = (watched: boolean) =>
    sessions
      .filter((session) => session.watched === watched)
      .map(({ sessionId }) => monitors.get(sessionId))
      .filter((pid) => pid !== undefined);
  const group = async (watched: boolean): Promise<Group> => {
    const own = pids(watched);
    const cores = await coresUsed(own, windowMs, signal);
    return { cores, memory: await memoryOfAll(own) };
  };
  const [watched, unwatched] = await Promise.all([group(true), group(false)]);
  const { streamers } = await sessionProcesses(controller.runDir);
  const { standby, capacity } = await api.hostUsage();
  return {
    started: sessions.length,
    sessions: watched.memory.length + unwatched.memory.length,
    agentReadyMs: sessions.at(-1)?.agentReadyMs ?? Number.NaN,
    watched,
    unwatched,
    streamers: await memoryOfAll(streamers),
    standby,
    admission: { perVmMb: capacity.perVmMb, roomForVms: capacity.roomForVms },
  };
}
