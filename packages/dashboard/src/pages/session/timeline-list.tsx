import { Icon } from '../../ui/icon.tsx';
import { formatElapsed, type Step } from './timeline.ts';

const SAID: Readonly<Record<Step['state'], string>> = {
  done: 'done',
  active: 'in progress',
  pending: 'not yet',
  failed: 'failed',
  skipped: 'not reached',
};

/** What the session went through, with the time each step was reached. */
export function TimelineList({ steps }: { steps: readonly Step[] }) {
  return (
    <ol className="timeline">
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
