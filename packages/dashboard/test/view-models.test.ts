import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  CredentialSummary,
  Session,
  SessionEvent,
  SessionStage,
  SessionState,
} from '@browser-vm/protocol';
import { cardState } from '../src/pages/providers/card-state.ts';
import { chooseUserId } from '../src/pages/providers/user-id.ts';
import {
  currentState,
  EMPTY_SESSION,
  isInStandby,
  waitOf,
  withEvent,
} from '../src/pages/session/session-model.ts';
import { formatElapsed, timeline } from '../src/pages/session/timeline.ts';
import { relativeTime } from '../src/ui/time.ts';
import { placeText } from '../src/viewer/connection/place-text.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2030-01-02T12:00:00.000Z');
const at = (offset: number) => new Date(NOW + offset).toISOString();

function session(status: SessionState, createdAt = at(-HOUR), provider = 'codex'): Session {
  const sessionId = crypto.randomUUID();
  const fault =
    status === 'failed' ? ({ code: 'vm_ended', message: 'the VM ended', hop: 'driver' } as const) : null;
  const times = { createdAt, updatedAt: createdAt, expiresAt: at(HOUR), endedAt: null };
  return { sessionId, userId: 'u', provider, status, ...times, fault, consoleTail: null, credentialId: null };
}

function credential(updatedAt = at(-2 * HOUR), expiresAt: string | null = null): CredentialSummary {
  const credentialId = crypto.randomUUID();
  const more = { account: 'a@example.org', keyId: 'k', createdAt: updatedAt, updatedAt, expiresAt };
  return { credentialId, userId: 'u', provider: 'codex', ...more };
}

let sequence = 0;
function event(elapsedMs: number, what: SessionEvent['event']): SessionEvent {
  sequence += 1;
  return { sequence, sessionId: crypto.randomUUID(), at: at(0), elapsedMs, event: what };
}
const reached = (stage: SessionStage, elapsedMs: number) => event(elapsedMs, { type: 'stage', stage });

test('a card says how its provider stands', () => {
  assert.equal(cardState('codex', [], [], NOW).kind, 'idle');
  assert.equal(cardState('codex', [], [session('cancelled')], NOW).kind, 'idle');
  assert.equal(cardState('codex', [], [session('failed')], NOW).kind, 'failed');
  assert.equal(cardState('codex', [credential()], [session('signing_in')], NOW).kind, 'in_progress');
  assert.equal(cardState('codex', [], [session('failed', at(0), 'gemini')], NOW).kind, 'idle');
});

test('the newest session decides, whatever order they come in', () => {
  const old = session('starting', at(-2 * HOUR));
  const recent = session('failed', at(-HOUR));
  assert.equal(cardState('codex', [], [old, recent], NOW).kind, 'failed');
  assert.equal(cardState('codex', [], [recent, old], NOW).kind, 'failed');
});

test('a credential stays connected when a later attempt fails, and says so; an older failure is forgotten', () => {
  const failed = session('failed', at(-HOUR));
  const after = cardState('codex', [credential(at(-2 * HOUR))], [failed], NOW);
  assert.ok(after.kind === 'connected' && after.failure === failed && !after.expired);
  const before = cardState('codex', [credential(at(0))], [failed], NOW);
  assert.ok(before.kind === 'connected' && before.failure === null);
});

test('a credential past its time is expired', () => {
  const state = cardState('codex', [credential(at(-HOUR), at(-1))], [], NOW);
  assert.ok(state.kind === 'connected' && state.expired);
});

test('the timeline shows what was reached, and what is awaited next', () => {
  const steps = timeline(
    [reached('streamer_ready', 80), reached('slot_taken', 60), reached('viewer_connected', 90)],
    'starting',
  );
  const states = Object.fromEntries(steps.map(({ stage, state }) => [stage, state]));
  assert.deepEqual(
    [
      states.slot_taken,
      states.streamer_ready,
      states.vm_resumed,
      states.agent_ready,
      states.viewer_connected,
      states.first_frame,
    ],
    ['done', 'done', 'active', 'pending', 'done', 'pending'],
  );
  assert.equal(steps[0]?.elapsedMs, 60);
});

test('the timeline of a failed session points at the step that was not reached', () => {
  const steps = timeline([reached('slot_taken', 60)], 'failed');
  const states = steps.map(({ state }) => state);
  assert.deepEqual(states.slice(0, 3), ['done', 'failed', 'skipped']);
  assert.equal(states.at(-1), 'active', 'the VM is still being removed');
});

test('an event that is repeated changes nothing, and order does not matter', () => {
  const first = event(1, { type: 'state', state: 'starting' });
  const second = event(2, { type: 'state', state: 'ready' });
  const model = [second, first, second].reduce(withEvent, EMPTY_SESSION);
  assert.deepEqual(model.events, [first, second]);
  assert.equal(currentState(model), 'ready');
});

test('a terminal state never changes again', () => {
  const model = withEvent(
    { session: session('cancelled'), events: [], wait: null },
    event(9, { type: 'state', state: 'signing_in' }),
  );
  assert.equal(currentState(model), 'cancelled');
});

test('the user comes from the address, else from last time, else is the operator', () => {
  assert.equal(chooseUserId('alice', 'bob'), 'alice');
  assert.equal(chooseUserId(null, 'bob'), 'bob');
  assert.equal(chooseUserId('not valid!', null), 'operator');
});

test('times read as people say them', () => {
  assert.equal(formatElapsed(420), '0.42 s');
  assert.equal(formatElapsed(12_340), '12.3 s');
  assert.equal(formatElapsed(125_000), '2:05 min');
  assert.equal(relativeTime(NOW - 20_000, NOW), 'just now');
  assert.equal(relativeTime(NOW - 5 * 60_000, NOW), '5 minutes ago');
  assert.equal(relativeTime(NOW + 3 * 24 * HOUR, NOW), 'in 3 days');
});

test('a session that waits shows its place before its first step, until that is reached', () => {
  const wait = { reason: 'cpu' as const, message: 'no CPU is free', ahead: 2, expectedSeconds: 14 };
  assert.equal(waitOf(EMPTY_SESSION), null);
  const queued = withEvent({ ...EMPTY_SESSION, wait }, event(1, { type: 'state', state: 'starting' }));
  assert.equal(waitOf(queued), wait);
  assert.ok(timeline(queued.events, 'starting', wait).every(({ state }) => state === 'pending'));
  assert.equal(timeline(queued.events, 'starting')[0]?.state, 'active');
  assert.equal(waitOf(withEvent(queued, event(2, { type: 'stage', stage: 'slot_taken' }))), null);
  assert.deepEqual(
    [wait, { ...wait, ahead: 0, expectedSeconds: null }, { ...wait, ahead: 1, expectedSeconds: 200 }].map(
      placeText,
    ),
    ['2 before you, about 14 s', 'You are next', '1 before you, about 3 min'],
  );
});

test('a session is in standby from when it is said until it is awake', () => {
  const asleep = [event(1, { type: 'state', state: 'signing_in' }), event(2, { type: 'standby' })];
  const awake = event(3, { type: 'awake', wakeMs: 30 });
  assert.equal(isInStandby(EMPTY_SESSION), false);
  assert.equal(isInStandby(asleep.reduce(withEvent, EMPTY_SESSION)), true);
  assert.equal(isInStandby([awake, ...asleep].reduce(withEvent, EMPTY_SESSION)), false);
});
