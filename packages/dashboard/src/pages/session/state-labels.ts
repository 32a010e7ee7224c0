import type { SessionState } from '@browser-vm/protocol';
import type { Tone } from '../../ui/badge.tsx';

export const STATE_LABELS: Readonly<Record<SessionState, string>> = {
  starting: 'Starting',
  ready: 'Desktop ready',
  signing_in: 'Signing in',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
  expired: 'Expired',
};

export const STATE_TONES: Readonly<Record<SessionState, Tone>> = {
  starting: 'accent',
  ready: 'accent',
  signing_in: 'accent',
  completed: 'success',
  failed: 'danger',
  cancelled: 'neutral',
  expired: 'warning',
};
