import type { TopLevelSpec } from 'vega-lite';
import { type Figure, percentile } from '../report/figures.ts';

/** Each run a dot, p50 and p95 as ticks: one row a figure, milliseconds to the right. */
export function startPlot(figures: readonly Figure[]): TopLevelSpec {
  const shown = figures.filter(({ what, unit }) => unit === 'ms' && !what.includes('.stage.'));
  const runs = shown.flatMap(({ what, values }) => values.map((ms) => ({ what, ms })));
  const marks = shown.flatMap(({ what, values }) =>
    [50, 95].map((percent) => ({ what, ms: percentile(values, percent), mark: `p${percent}` })),
  );
  const y = {
    field: 'what',
    type: 'nominal',
    title: null,
    sort: shown.map(({ what }) => what),
    axis: { labelLimit: 300 },
  } as const;
  const x = {
    field: 'ms',
    type: 'quantitative',
    title: 'ms since the POST',
    scale: { type: 'log' },
  } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    width: 640,
    height: { step: 28 },
    layer: [
      { data: { values: runs }, mark: { type: 'point', filled: true, opacity: 0.35 }, encoding: { x, y } },
      {
        data: { values: marks },
        mark: { type: 'tick', thickness: 3, size: 22 },
        encoding: { x, y, color: { field: 'mark', type: 'nominal', title: null } },
      },
    ],
  };
}
