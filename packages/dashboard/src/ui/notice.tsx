import type { Fault } from '@browser-vm/protocol';
import type { ReactNode } from 'react';
import { Icon } from './icon.tsx';

export interface NoticeProps {
  readonly tone: 'danger' | 'warning' | 'info';
  readonly title: string;
  readonly children?: ReactNode;
  readonly action?: ReactNode;
  readonly testId?: string;
}

/** One thing people should know, and what they can do. */
export function Notice({ tone, title, children, action, testId }: NoticeProps) {
  return (
    <div
      className={`notice notice-${tone}`}
      role={tone === 'danger' ? 'alert' : 'status'}
      data-testid={testId}
    >
      <Icon name="alert" />
      <div className="notice-text">
        <p className="notice-title">{title}</p>
        {children}
      </div>
      {action}
    </div>
  );
}

/** When the server expects to have room again; null when it does not say. Seconds. */
function retryAfter({ details }: Fault): number | null {
  const seconds = details?.retryAfterSeconds;
  return typeof seconds === 'number' ? Math.ceil(seconds) : null;
}

export function FaultNotice({ fault, action, title }: { fault: Fault; action?: ReactNode; title?: string }) {
  const seconds = retryAfter(fault);
  return (
    <Notice tone="danger" title={title ?? fault.message} action={action}>
      {title !== undefined && <p>{fault.message}</p>}
      {fault.remedy !== undefined && <p className="muted">{fault.remedy}</p>}
      {seconds !== null && <p className="muted">It is worth trying again in about {seconds} s.</p>}
    </Notice>
  );
}
