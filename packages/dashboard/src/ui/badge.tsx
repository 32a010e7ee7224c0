import type { ReactNode } from 'react';

export type Tone = 'neutral' | 'accent' | 'success' | 'warning' | 'danger';

export function Badge({ tone, busy = false, children }: { tone: Tone; busy?: boolean; children: ReactNode }) {
  return (
    <span className={`badge badge-${tone}`}>
      <span className={busy ? 'dot dot-busy' : 'dot'} />
      {children}
    </span>
  );
}
