import type { TopLevelSpec } from 'vega-lite';

/** One answered click. */
export interface Answer {
  readonly link: string;
  readonly source: string;
  readonly desktop: 'still' | 'busy';
  readonly ms: number;
}

/** Each click a dot, its source a row; a column for the still and the busy desktop, a block for each link. */
export function latencyPlot(answers: readonly Answer[]): TopLevelSpec {
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    data: { values: [...answers] },
    facet: {
      row: { field: 'link', type: 'nominal', title: null, sort: ['clean', 'loss', 'cap'] },
      column: { field: 'desktop', type: 'nominal', title: null, sort: ['still', 'busy'] },
    },
    spec: {
      width: 360,
      height: { step: 36 },
      layer: [
        { mark: { type: 'point', filled: true, opacity: 0.3 } },
        {
          mark: { type: 'tick', thickness: 3, size: 24 },
          encoding: { x: { aggregate: 'median', field: 'ms', type: 'quantitative' } },
        },
      ],
      encoding: {
        x: {
          field: 'ms',
          type: 'quantitative',
          title: 'ms from click to pixel',
          scale: { type: 'log' },
        },
        y: { field: 'source', type: 'nominal', title: null },
        color: { field: 'source', type: 'nominal', title: null, legend: null },
      },
    },
  };
}
