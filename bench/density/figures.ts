import type { Figure } from '../report/figures.ts';
import { sum } from './density-plot.ts';
import type { Step } from './step.ts';
import type { Streaming } from './streaming.ts';

/** Of the last step, and of every start on the way to it. */
export function densityFigures(
  steps: readonly Step[],
  startsMs: readonly number[],
  streaming: Streaming,
): Figure[] {
  const last = steps.at(-1);
  if (last === undefined) return [];
  const { watched, unwatched, streamers, standby } = last;
  const all = [...watched.memory, ...unwatched.memory];
  const figures: Figure[] = [
    { what: 'density.live_sessions', unit: 'count', values: [last.sessions] },
    { what: 'density.standby_sessions', unit: 'count', values: [standby] },
    { what: 'density.unique_memory_mb', unit: 'MB', values: all.map(({ uniqueMb }) => uniqueMb) },
    { what: 'density.dirty_memory_mb', unit: 'MB', values: all.map(({ dirtyMb }) => dirtyMb) },
    { what: 'density.guest_memory_mb', unit: 'MB', values: all.map(({ guestMb }) => guestMb) },
    { what: 'density.translated_code_mb', unit: 'MB', values: all.map(({ translatedMb }) => translatedMb) },
    { what: 'density.swapped_memory_mb', unit: 'MB', values: all.map(({ swappedMb }) => swappedMb) },
    { what: 'density.shared_memory_mb', unit: 'MB', values: all.map(({ sharedMb }) => sharedMb) },
    ...group('watched', watched),
    ...group('unwatched', unwatched),
    { what: 'density.cpu_cores', unit: 'cores', values: [sum([...watched.cores, ...unwatched.cores])] },
    { what: 'density.streamer_memory_mb', unit: 'MB', values: streamers.map(({ uniqueMb }) => uniqueMb) },
    { what: 'density.agent_ready_ms', unit: 'ms', values: startsMs },
    { what: 'density.streaming_memory_mb', unit: 'MB', values: [streaming.monitor.uniqueMb] },
    { what: 'density.streaming_guest_memory_mb', unit: 'MB', values: [streaming.monitor.guestMb] },
    { what: 'density.streaming_translated_code_mb', unit: 'MB', values: [streaming.monitor.translatedMb] },
    { what: 'density.streaming_cpu_cores', unit: 'cores', values: [streaming.monitorCores] },
    ...(streaming.streamer === null
      ? []
      : [
          {
            what: 'density.streaming_streamer_memory_mb',
            unit: 'MB' as const,
            values: [streaming.streamer.uniqueMb],
          },
        ]),
  ];
  return figures.filter(({ values }) => values.length > 0);
}

function group(name: string, { memory, cores }: Step['watched']): Figure[] {
  return [
    { what: `density.${name}.unique_memory_mb`, unit: 'MB', values: memory.map(({ uniqueMb }) => uniqueMb) },
    { what: `density.${name}.guest_memory_mb`, unit: 'MB', values: memory.map(({ guestMb }) => guestMb) },
    {
      what: `density.${name}.translated_code_mb`,
      unit: 'MB',
      values: memory.map(({ translatedMb }) => translatedMb),
    },
    { what: `density.${name}.cpu_cores`, unit: 'cores', values: cores },
  ];
}
