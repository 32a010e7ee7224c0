import {
  type Fault,
  isTerminal,
  mayBecome,
  type Session,
  type SessionEvent,
  type SessionStage,
  type SessionState,
  type ViewerState,
} from '@browser-vm/protocol';
import { and, asc, desc, eq, gt, inArray, isNull, sql } from 'drizzle-orm';
import type { Queries, Transaction } from '../database/database.ts';
import { authSessions, sessionEvents, users, vms } from '../database/schema.ts';
import { type SealedCredential, storeCredential } from '../vault/credentials.ts';
import { unknownSession } from './errors.ts';
import { storableFault, storableLines } from './storable.ts';

type SessionRow = typeof authSessions.$inferSelect;

/** Rows a list answers with at most; the newest come first. */
const LIST_LIMIT = 200;

export interface NewSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly provider: string;
  readonly expiresAt: Date;
  /** Why it has to wait, for people. */
  readonly reason?: string | undefined;
}

/** What goes into the row together with a new state. */
export interface Outcome {
  readonly reason?: string | undefined;
  readonly fault?: Fault;
  readonly consoleTail?: readonly string[];
  readonly credential?: SealedCredential;
}

/** `changed`: this call made the change. Otherwise `status` is what stood in its way. */
export interface TransitionResult {
  readonly changed: boolean;
  readonly status: SessionState;
}

export type StandbyEvent = Extract<SessionEvent['event'], { type: 'standby' | 'awake' }>;

export interface SessionStore {
  create(session: NewSession): Promise<Session>;
  get(sessionId: string): Promise<Session>;
  list(userId: string): Promise<Session[]>;
  eventsAfter(sessionId: string, sequence: number): Promise<SessionEvent[]>;
  /** Changes the state if the state machine allows it, with its event, in one transaction. */
  transition(sessionId: string, to: SessionState, outcome?: Outcome): Promise<TransitionResult>;
  /** Records a stage the first time it is reached. */
  reachStage(sessionId: string, stage: SessionStage): Promise<void>;
  /** Records what may happen any number of times. */
  happened(sessionId: string, event: StandbyEvent): Promise<void>;
  noteViewer(viewer: ViewerNote): Promise<void>;
  vmStarted(vm: { vmId: string; driver: string; sessionId: string }): Promise<void>;
  vmEnded(vmId: string, reason: string): Promise<void>;
  /** Ends what an earlier controller left open. Returns how many sessions that were. */
  failLeftovers(fault: Fault): Promise<number>;
}

export interface ViewerNote {
  readonly sessionId: string;
  readonly viewerId: string | null;
  readonly state: ViewerState;
  readonly transport: 'webrtc' | 'vnc';
}

export function createSessionStore(queries: Queries): SessionStore {
  const store: SessionStore = {
    create: ({ sessionId, userId, provider, expiresAt, reason }) =>
      queries.transaction(async (transaction) => {
        const now = new Date();
        await transaction.insert(users).values({ id: userId }).onConflictDoNothing();
        const [row] = await transaction
          .insert(authSessions)
          .values({
            id: sessionId,
            userId,
            provider,
            status: 'starting',
            createdAt: now,
            updatedAt: now,
            expiresAt,
          })
          .returning();
        if (row === undefined) throw new Error('an insert returned no row');
        await appendEvent(transaction, row, now, {
          type: 'state',
          state: 'starting',
          ...(reason === undefined ? {} : { reason: storableLines([reason])[0] ?? '' }),
        });
        return toSession(row);
      }),

    async get(sessionId) {
      const [row] = await queries.select().from(authSessions).where(eq(authSessions.id, sessionId));
      if (row === undefined) throw unknownSession(sessionId);
      return toSession(row);
    },

    async list(userId) {
      const rows = await queries
        .select()
        .from(authSessions)
        .where(eq(authSessions.userId, userId))
        .orderBy(desc(authSessions.createdAt), desc(authSessions.id))
        .limit(LIST_LIMIT);
      return rows.map(toSession);
    },

    async eventsAfter(sessionId, sequence) {
      const rows = await queries
        .select()
        .from(sessionEvents)
        .where(and(eq(sessionEvents.sessionId, sessionId), gt(sessionEvents.sequence, sequence)))
        .orderBy(asc(sessionEvents.sequence));
      return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
    },

    transition: (sessionId, to, outcome = {}) =>
      queries.transaction(async (transaction) => {
        const row = await lockSession(transaction, sessionId);
        if (!mayBecome(row.status, to)) return { changed: false, status: row.status };
        const now = new Date();
        let credentialId = row.credentialId;
        if (outcome.credential !== undefined) {
          credentialId = await storeCredential(transaction, outcome.credential);
          await appendEvent(transaction, row, now, { type: 'stage', stage: 'credential_stored' });
        }
        await appendEvent(transaction, row, now, {
          type: 'state',
          state: to,
          ...(outcome.reason === undefined ? {} : { reason: storableLines([outcome.reason])[0] ?? '' }),
        });
        await transaction
          .update(authSessions)
          .set({
            status: to,
            credentialId,
            endedAt: isTerminal(to) ? now : null,
            fault: outcome.fault === undefined ? null : storableFault(outcome.fault),
            consoleTail: outcome.consoleTail === undefined ? null : storableLines(outcome.consoleTail),
          })
          .where(eq(authSessions.id, sessionId));
        return { changed: true, status: to };
      }),

    reachStage: (sessionId, stage) =>
      queries.transaction(async (transaction) => {
        const row = await lockSession(transaction, sessionId);
        const reached = await transaction
          .select({ sequence: sessionEvents.sequence })
          .from(sessionEvents)
          .where(
            and(eq(sessionEvents.sessionId, sessionId), sql`${sessionEvents.event}->>'stage' = ${stage}`),
          )
          .limit(1);
        if (reached.length > 0) return;
        const now = new Date();
        await appendEvent(transaction, row, now, { type: 'stage', stage });
        if (stage === 'first_frame') {
          await transaction
            .update(authSessions)
            .set({ firstFrameAt: now })
            .where(eq(authSessions.id, sessionId));
        }
      }),

    happened: (sessionId, event) =>
      queries.transaction(async (transaction) => {
        await appendEvent(transaction, await lockSession(transaction, sessionId), new Date(), event);
      }),

    async noteViewer({ sessionId, viewerId, state, transport }) {
      await queries
        .update(authSessions)
        .set({
          viewerId,
          viewerState: state,
          viewerTransport: transport,
          updatedAt: new Date(),
          ...(state === 'connected' ? { viewerConnectedAt: new Date() } : {}),
        })
        .where(eq(authSessions.id, sessionId));
    },

    async vmStarted({ vmId, driver, sessionId }) {
      await queries.insert(vms).values({ id: vmId, driver, sessionId, startedAt: new Date() });
    },

    async vmEnded(vmId, reason) {
      await queries
        .update(vms)
        .set({ endedAt: new Date(), endReason: reason })
        .where(and(eq(vms.id, vmId), isNull(vms.endedAt)));
    },

    async failLeftovers(fault) {
      const open = await queries
        .select({ id: authSessions.id })
        .from(authSessions)
        .where(inArray(authSessions.status, ['starting', 'ready', 'signing_in']));
      for (const { id } of open) {
        await store.transition(id, 'failed', { reason: fault.message, fault });
      }
      await queries
        .update(vms)
        .set({ endedAt: new Date(), endReason: fault.code })
        .where(isNull(vms.endedAt));
      return open.length;
    },
  };
  return store;
}

/** Holds the row until the transaction ends: of two racing transitions the second sees the first's result. */
async function lockSession(transaction: Transaction, sessionId: string): Promise<SessionRow> {
  const [row] = await transaction
    .select()
    .from(authSessions)
    .where(eq(authSessions.id, sessionId))
    .for('update');
  if (row === undefined) throw unknownSession(sessionId);
  return row;
}

/** The row must be locked, or made in this transaction. */
async function appendEvent(
  transaction: Transaction,
  row: SessionRow,
  at: Date,
  event: SessionEvent['event'],
): Promise<void> {
  row.lastSequence += 1;
  await transaction.insert(sessionEvents).values({
    sessionId: row.id,
    sequence: row.lastSequence,
    at,
    elapsedMs: Math.max(0, at.getTime() - row.createdAt.getTime()),
    event,
  });
  await transaction
    .update(authSessions)
    .set({ lastSequence: row.lastSequence, updatedAt: at })
    .where(eq(authSessions.id, row.id));
}

function toSession(row: SessionRow): Session {
  return {
    sessionId: row.id,
    userId: row.userId,
    provider: row.provider,
    status: row.status,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
    fault: row.fault,
    consoleTail: row.consoleTail === null ? null : [...row.consoleTail],
    credentialId: row.credentialId,
  };
}
