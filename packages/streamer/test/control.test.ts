import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DesktopMessage, ViewerMode } from '@browser-vm/protocol';
import { Control, type Seat } from '../src/control/control.ts';

interface Recorded extends Seat {
  readonly told: DesktopMessage[];
  released: number;
}

function seat(mode: ViewerMode = 'control'): Recorded {
  const told: DesktopMessage[] = [];
  const made: Recorded = {
    mode,
    told,
    released: 0,
    release: () => {
      made.released += 1;
    },
    tell: (message) => void told.push(message),
  };
  return made;
}

const said = ({ told }: Recorded): unknown => {
  const last = told.at(-1);
  return last?.type === 'control' ? [last.holder, last.viewers] : null;
};

test('the first viewer is in control, whoever comes later is told so', () => {
  const control = new Control(() => true);
  const [first, second] = [seat(), seat()];
  control.join(first);
  control.join(second);
  assert.deepEqual(
    [said(first), said(second)],
    [
      ['you', 2],
      ['other', 2],
    ],
  );
  assert.deepEqual([control.holds(first), control.holds(second)], [true, false]);
});

test('control is taken over, and what the one before held down is let go', () => {
  const control = new Control(() => true);
  const [first, second] = [seat(), seat()];
  control.join(first);
  control.join(second);
  control.take(second);
  assert.deepEqual(
    [said(first), said(second)],
    [
      ['other', 2],
      ['you', 2],
    ],
  );
  assert.deepEqual([first.released, second.released], [1, 0]);
});

test('when the one in control is gone, the one who has waited longest follows', () => {
  const control = new Control(() => true);
  const [first, watcher, second, third] = [seat(), seat('view'), seat(), seat()];
  for (const each of [first, watcher, second, third]) control.join(each);
  control.leave(first);
  assert.deepEqual(
    [said(watcher), said(second), said(third)],
    [
      ['other', 3],
      ['you', 3],
      ['other', 3],
    ],
  );
  assert.equal(first.released, 1);
});

test('a viewer that may only watch is never in control, even alone', () => {
  const control = new Control(() => true);
  const watcher = seat('view');
  control.join(watcher);
  control.take(watcher);
  assert.equal(control.holds(watcher), false);
  assert.deepEqual(said(watcher), ['nobody', 1]);
});

test('a viewer that has left, or never came, takes nothing', () => {
  const control = new Control(() => true);
  const [first, second] = [seat(), seat()];
  control.leave(second);
  control.join(first);
  control.join(second);
  control.leave(second);
  control.take(second);
  assert.equal(control.holds(first), true);
  assert.deepEqual(said(first), ['you', 1]);
});
