import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { ControllerProcess } from './controller-process.ts';
import { markedProcesses } from './leftovers.ts';

const logLineSchema = z.looseObject({ vmId: z.string(), sessionId: z.string() });
const wokenSchema = z.looseObject({ sessionId: z.string(), clockCorrectionMs: z.number() });

/** How far the clock of a session's VM was behind each time it woke, milliseconds, as its own agent said. */
export function clockCorrectionsOf(controller: ControllerProcess, sessionId: string): number[] {
  return controller.output
    .split('\n')
    .map((line) => wokenSchema.safeParse(parsed(line)).data)
    .flatMap((woken) => (woken?.sessionId === sessionId ? [woken.clockCorrectionMs] : []));
}

/** Process id of each living session's monitor, by session. The controller's log says which VM is whose. */
export async function monitorsOf(controller: ControllerProcess): Promise<Map<string, number>> {
  const byVm = new Map<string, number>();
  for (const { pid } of await markedProcesses(controller.runDir)) {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const vmId = /\0bvm-(vm-[0-9a-f]+)\0/.exec(commandLine)?.[1];
    if (vmId !== undefined) byVm.set(vmId, pid);
  }
  const bySession = new Map<string, number>();
  for (const line of controller.output.split('\n')) {
    const { vmId, sessionId } = logLineSchema.safeParse(parsed(line)).data ?? {};
    const pid = vmId === undefined ? undefined : byVm.get(vmId);
    if (pid !== undefined && sessionId !== undefined) bySession.set(sessionId, pid);
  }
  return bySession;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
