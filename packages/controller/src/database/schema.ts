import type { Fault, SessionEvent, SessionState, ViewerState } from '@browser-vm/protocol';
import {
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';

const instant = () => timestamp({ withTimezone: true, precision: 3, mode: 'date' });

export const users = pgTable('users', {
  id: text().primaryKey(),
  createdAt: instant().notNull().defaultNow(),
});

export const credentials = pgTable(
  'credentials',
  {
    id: uuid().primaryKey(),
    userId: text()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    provider: text().notNull(),
    /** Compact JWE; its protected header repeats user, provider and key. */
    jwe: text().notNull(),
    keyId: text().notNull(),
    account: text(),
    expiresAt: instant(),
    createdAt: instant().notNull().defaultNow(),
    updatedAt: instant().notNull().defaultNow(),
  },
  (table) => [unique('credentials_user_provider').on(table.userId, table.provider)],
);

export const authSessions = pgTable(
  'auth_sessions',
  {
    id: uuid().primaryKey(),
    userId: text()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    provider: text().notNull(),
    status: text().$type<SessionState>().notNull(),
    createdAt: instant().notNull(),
    updatedAt: instant().notNull(),
    expiresAt: instant().notNull(),
    endedAt: instant(),
    fault: jsonb().$type<Fault>(),
    consoleTail: jsonb().$type<readonly string[]>(),
    credentialId: uuid().references(() => credentials.id, { onDelete: 'set null' }),
    /** Sequence of the newest row in `session_events`. */
    lastSequence: integer().notNull().default(0),
    viewerId: uuid(),
    viewerState: text().$type<ViewerState>(),
    viewerTransport: text().$type<'webrtc' | 'vnc'>(),
    viewerConnectedAt: instant(),
    firstFrameAt: instant(),
  },
  (table) => [
    index('auth_sessions_user').on(table.userId, table.createdAt),
    index('auth_sessions_status').on(table.status),
  ],
);

export const sessionEvents = pgTable(
  'session_events',
  {
    sessionId: uuid()
      .notNull()
      .references(() => authSessions.id, { onDelete: 'cascade' }),
    sequence: integer().notNull(),
    at: instant().notNull(),
    elapsedMs: integer().notNull(),
    event: jsonb().$type<SessionEvent['event']>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.sessionId, table.sequence] })],
);

export const vms = pgTable(
  'vms',
  {
    id: text().primaryKey(),
    driver: text().notNull(),
    sessionId: uuid()
      .notNull()
      .references(() => authSessions.id, { onDelete: 'cascade' }),
    startedAt: instant().notNull(),
    endedAt: instant(),
    endReason: text(),
  },
  (table) => [index('vms_session').on(table.sessionId)],
);
