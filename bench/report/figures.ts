/** One measured quantity: all its runs, in one unit. */
export interface Figure {
  /** Named as in docs/benchmarks.md, such as `start.first_frame_ms`. */
  readonly what: string;
  readonly unit: 'ms' | 's' | 'MB' | 'cores' | 'fps' | 'kbit/s' | 'dB' | 'count';
  readonly values: readonly number[];
}

export interface Summary {
  readonly what: string;
  readonly unit: string;
  readonly runs: number;
  readonly p50: number;
  readonly p95: number;
  readonly min: number;
  readonly max: number;
}

/** Nearest-rank percentile of unsorted values; NaN of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export function summarise({ what, unit, values }: Figure): Summary {
  const round = (value: number) => Math.round(value * 1000) / 1000;
  return {
    what,
    unit,
    runs: values.length,
    p50: round(percentile(values, 50)),
    p95: round(percentile(values, 95)),
    min: round(Math.min(...values)),
    max: round(Math.max(...values)),
  };
}
