import {
  isTerminal,
  SESSION_STAGES,
  type SessionEvent,
  type SessionStage,
  type SessionState,
  type SessionWait,
} from '@browser-vm/protocol';

export type StepState = 'done' | 'active' | 'pending' | 'failed' | 'skipped';

export interface Step {
  readonly stage: SessionStage;
  readonly label: string;
  readonly state: StepState;
  /** Milliseconds since the session was made; null unless reached. */
  readonly elapsedMs: number | null;
}

export const STAGE_LABELS: Readonly<Record<SessionStage, string>> = {
  slot_taken: 'Isolated network ready',
  streamer_ready: 'Streamer ready',
  vm_resumed: 'VM running',
  agent_ready: 'Agent answers',
  identity_set: 'Clock and identity set',
  desktop_ready: 'Desktop ready',
  login_started: 'Sign-in command runs',
  url_opened: 'Sign-in page opened',
  viewer_connected: 'Viewer connected',
  first_frame: 'First picture shown',
  live_picture: 'Picture is live',
  credential_seen: 'Credential written',
  credential_stored: 'Credential in the vault',
  vm_gone: 'VM removed',
};

/** These happen whenever the viewer gets there, so nothing waits for them. */
const BESIDE: ReadonlySet<SessionStage> = new Set(['viewer_connected', 'first_frame', 'live_picture']);

/** The session's stages in the order people see them, from its events in any order. `wait`: what none begins before. */
export function timeline(
  events: readonly SessionEvent[],
  status: SessionState,
  wait: SessionWait | null = null,
): readonly Step[] {
  const reached = new Map<SessionStage, number>();
  for (const { event, elapsedMs } of events) {
    if (event.type === 'stage' && !reached.has(event.stage)) reached.set(event.stage, elapsedMs);
  }
  const ended = isTerminal(status);
  const next =
    wait === null ? SESSION_STAGES.find((stage) => !reached.has(stage) && !BESIDE.has(stage)) : undefined;
  return SESSION_STAGES.map((stage) => {
    const elapsedMs = reached.get(stage) ?? null;
    return {
      stage,
      label: STAGE_LABELS[stage],
      elapsedMs,
      state: stepState(elapsedMs, stage, next, ended, status),
    };
  });
}

function stepState(
  elapsedMs: number | null,
  stage: SessionStage,
  next: SessionStage | undefined,
  ended: boolean,
  status: SessionState,
): StepState {
  if (elapsedMs !== null) return 'done';
  // Whatever the outcome, the VM is still being removed.
  if (stage === 'vm_gone' && ended) return 'active';
  if (stage === next && status === 'failed') return 'failed';
  if (stage === next && !ended) return 'active';
  return ended ? 'skipped' : 'pending';
}

/** `0.42 s`, `12.3 s`, `2:05 min`. */
export function formatElapsed(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')} min`;
}
