import type { TopLevelSpec } from 'vega-lite';
import { percentile } from '../report/figures.ts';
import type { Step } from './step.ts';

interface Point {
  readonly sessions: number;
  readonly value: number;
  readonly what: string;
}

/** What each further session costs: memory of a VM, CPU of all, time of the newest start. */
export function densityPlot(steps: readonly Step[]): TopLevelSpec {
  const points = (values: (step: Step) => Readonly<Record<string, number>>): Point[] =>
    steps.flatMap((step) =>
      Object.entries(values(step))
        .filter(([, value]) => Number.isFinite(value))
        .map(([what, value]) => ({ sessions: step.sessions, what, value })),
    );
  const memory = points(({ watched, unwatched }) => {
    const all = [...watched.memory, ...unwatched.memory];
    return {
      'unique, p50': percentile(
        all.map(({ uniqueMb }) => uniqueMb),
        50,
      ),
      'unique, p95': percentile(
        all.map(({ uniqueMb }) => uniqueMb),
        95,
      ),
      'shared, p50': percentile(
        all.map(({ sharedMb }) => sharedMb),
        50,
      ),
    };
  });
  const cpu = points(({ watched, unwatched }) => ({
    watched: sum(watched.cores),
    unwatched: sum(unwatched.cores),
  }));
  const start = points(({ agentReadyMs }) => ({ 'agent ready': agentReadyMs }));
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    vconcat: [
      chart(memory, 'MB of one VM'),
      chart(cpu, 'cores of all monitors'),
      chart(start, 'ms of the newest start'),
    ],
    resolve: { scale: { color: 'independent' } },
  };
}

function chart(values: Point[], title: string) {
  return {
    width: 640,
    height: 180,
    data: { values },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'sessions', type: 'quantitative', title: 'live sessions' },
      y: { field: 'value', type: 'quantitative', title },
      color: { field: 'what', type: 'nominal', title: null },
    },
  } as const;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
