import { z } from 'zod';
import { faultSchema } from './errors.ts';
import { providerIdSchema } from './provider.ts';

export const SESSION_STATES = [
  'starting',
  'ready',
  'signing_in',
  'completed',
  'failed',
  'cancelled',
  'expired',
] as const;
export const sessionStateSchema = z.enum(SESSION_STATES).meta({ id: 'SessionState' });
export type SessionState = z.infer<typeof sessionStateSchema>;

const NEXT: Readonly<Record<SessionState, readonly SessionState[]>> = {
  starting: ['ready', 'failed', 'cancelled', 'expired'],
  ready: ['signing_in', 'failed', 'cancelled', 'expired'],
  signing_in: ['completed', 'failed', 'cancelled', 'expired'],
  completed: [],
  failed: [],
  cancelled: [],
  expired: [],
};

/** May a session go from one state to the other? A terminal state never changes again. */
export function mayBecome(from: SessionState, to: SessionState): boolean {
  return NEXT[from].includes(to);
}

export function isTerminal(state: SessionState): boolean {
  return NEXT[state].length === 0;
}

/** What a session goes through, in the order people see it; each with the time it was reached. */
export const SESSION_STAGES = [
  'slot_taken',
  'streamer_ready',
  'vm_resumed',
  'agent_ready',
  'identity_set',
  'desktop_ready',
  'login_started',
  'url_opened',
  'viewer_connected',
  'first_frame',
  'live_picture',
  'credential_seen',
  'credential_stored',
  'vm_gone',
] as const;
export const sessionStageSchema = z.enum(SESSION_STAGES).meta({ id: 'SessionStage' });
export type SessionStage = z.infer<typeof sessionStageSchema>;

export const sessionIdSchema = z.uuid().meta({ id: 'SessionId' });
export const userIdSchema = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\w.@+:-]+$/, 'letters, digits and . _ @ + : - only')
  .meta({ id: 'UserId' });

/** One row of a session's history; also what the live event stream carries. */
export const sessionEventSchema = z
  .object({
    sequence: z.number().int().positive().describe('per session, without gaps'),
    sessionId: sessionIdSchema,
    at: z.iso.datetime(),
    elapsedMs: z.number().nonnegative().describe('since the session was made'),
    event: z.discriminatedUnion('type', [
      z.object({ type: z.literal('state'), state: sessionStateSchema, reason: z.string().optional() }),
      z.object({ type: z.literal('stage'), stage: sessionStageSchema }),
      z
        .object({ type: z.literal('standby') })
        .describe("the VM's CPUs stopped; the first input, viewer or call starts them"),
      z.object({
        type: z.literal('awake'),
        wakeMs: z
          .number()
          .nonnegative()
          .describe('from what woke it until its CPUs ran and its clock was right, milliseconds'),
      }),
    ]),
  })
  .meta({ id: 'SessionEvent' });
export type SessionEvent = z.infer<typeof sessionEventSchema>;

/** What a host may lack. */
export const FULL_REASONS = ['count', 'memory', 'cpu', 'slots'] as const;
export type FullReason = (typeof FULL_REASONS)[number];

/** How a session stands that waits for its place or its turn. */
export const sessionWaitSchema = z
  .object({
    reason: z.enum(FULL_REASONS).describe('what it waits for'),
    message: z.string().describe('one line for people'),
    ahead: z.number().int().nonnegative().describe('sessions that come first'),
    expectedSeconds: z
      .number()
      .int()
      .positive()
      .nullable()
      .describe('how long that is likely to take, by how long it took for others; null before that is known'),
  })
  .meta({ id: 'SessionWait' });
export type SessionWait = z.infer<typeof sessionWaitSchema>;

/** Server-Sent Event `wait` of a session's event stream: whenever its place changes. */
export const sessionPlaceSchema = z
  .object({ wait: sessionWaitSchema.nullable().describe('null: it waits for nothing, or no longer') })
  .meta({ id: 'SessionPlace' });

/** Server-Sent Event `clipboard` of a session's event stream, for who may act: whenever that changes. */
export const sessionClipboardSchema = z
  .object({ hasImage: z.boolean().describe('is an image on the clipboard of the desktop') })
  .meta({ id: 'SessionClipboard' });

/** One event of a session's event stream, as a text frame of a WebSocket. */
export const streamedEventSchema = z.object({
  event: z.enum(['session', 'candidate', 'wait', 'clipboard', 'heartbeat']),
  id: z.number().int().positive().optional().describe('of `session`: its sequence'),
  data: z.unknown(),
});
export type StreamedEvent = z.infer<typeof streamedEventSchema>;

/** How a WebSocket that carries events is closed when its session and VM are gone: there is nothing to come back to. */
export const SESSION_OVER_CODE = 4410;

/**
 * How often an event stream on which nothing happens says so, by an event `heartbeat`: well below the idle limits of
 * reverse proxies, and often enough that a page whose way broke, which nothing tells it, asks anew within seconds.
 */
export const EVENTS_HEARTBEAT_MS = 3_000;

export const sessionSchema = z
  .object({
    sessionId: sessionIdSchema,
    userId: userIdSchema,
    provider: providerIdSchema,
    status: sessionStateSchema,
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    endedAt: z.iso.datetime().nullable(),
    fault: faultSchema.nullable(),
    consoleTail: z.array(z.string()).nullable().describe("the VM's last console lines; kept when it failed"),
    credentialId: z.uuid().nullable(),
  })
  .meta({ id: 'Session' });
export type Session = z.infer<typeof sessionSchema>;
