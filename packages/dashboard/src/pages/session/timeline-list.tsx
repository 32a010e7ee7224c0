import type { SessionWait } from '@browser-vm/protocol';
import { Icon } from '../../ui/icon.tsx';
import { placeText } from '../../viewer/connection/place-text.ts';
import { formatElapsed, type Step } from './timeline.ts';

const SAID: Readonly<Record<Step['state'], string>> = {
  done: 'done',
  active: 'in progress',
  pending: 'not yet',
  failed: 'failed',
  skipped: 'not reached',
};

interface TimelineListProps {
  readonly steps: readonly Step[];
  /** Its place, before any step. */
  readonly wait: SessionWait | null;
}

/** What the session went through, with the time each step was reached. */
export function TimelineList({ steps, wait }: TimelineListProps) {
  return (
    <ol className="timeline">
      {wait !== null && (
        <li className="step step-active" data-testid="stage-wait" data-state="active">
          <span className="step-mark" aria-hidden="true" />
          <span className="step-label" role="status">
            {placeText(wait)}
          </span>
        </li>
      )}
      {steps.map((step) => (
        <li
          key={step.stage}
          className={`step step-${step.state}`}
          data-testid={`stage-${step.stage}`}
          data-state={step.state}
        >
          <span className="step-mark" aria-hidden="true">
            {step.state === 'done' && <Icon name="check" />}
            {step.state === 'failed' && <Icon name="cross" />}
          </span>
          <span className="step-label">
            {step.label}
            <span className="visually-hidden">, {SAID[step.state]}</span>
          </span>
          <span className="step-time">{step.elapsedMs !== null && formatElapsed(step.elapsedMs)}</span>
        </li>
      ))}
    </ol>
  );
}
