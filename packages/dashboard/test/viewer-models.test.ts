import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ControlState, DESKTOP_MAX_AREA, inputMessageSchema } from '@browser-vm/protocol';
import { InputLog } from '../src/viewer/connection/input-log.ts';
import { wantedSize } from '../src/viewer/size/wanted-size.ts';
import { type Counters, statisticsOf } from '../src/viewer/statistics/statistics.ts';
import { Turn } from '../src/viewer/turn.ts';

const box = (width: number, height: number) => ({ width, height });

test('a desktop fills the box in even pixels, denser on a dense screen, but not so dense that text is too small', () => {
  assert.deepEqual(wantedSize(box(941.5, 529.6), 1), box(940, 528));
  assert.deepEqual(wantedSize(box(800, 600), 1.25), box(1000, 750));
  assert.deepEqual(wantedSize(box(800, 600), 3), box(1200, 900));
  assert.deepEqual(wantedSize(box(800, 600), 2, 2), box(1600, 1200));
  // Zoomed out, the page has more pixels than the screen.
  assert.deepEqual(wantedSize(box(2000, 1000), 0.5), box(2000, 1000));
  assert.equal(wantedSize(box(0, 0), 1), null);
});

test('every size that is asked for is one the streamer takes, in the shape of the box where the bounds allow it', () => {
  for (const [width, height] of [
    [1, 1],
    [100, 3000],
    [200, 150],
    [390, 844],
    [3840, 2160],
    [10_000, 400],
    [2560, 2560],
  ] as const) {
    for (const ratio of [1, 1.5]) {
      const size = wantedSize(box(width, height), ratio);
      assert.ok(size);
      assert.ok(size.width * size.height <= DESKTOP_MAX_AREA);
      assert.equal(
        inputMessageSchema.safeParse({ type: 'resize', ...size }).success,
        true,
        `${width} x ${height} at ${ratio} gives ${size.width} x ${size.height}`,
      );
    }
  }
  const wide = wantedSize(box(3840, 2160), 1);
  assert.ok(wide && Math.abs(wide.width / wide.height - 16 / 9) < 0.01);
});

const counters = (more: Partial<Counters>): Counters => ({
  at: 0,
  bytes: 0,
  frames: 0,
  packets: 0,
  lost: 0,
  route: 'direct',
  roundTripMs: 12,
  codec: 'VP8',
  size: box(1280, 720),
  ...more,
});

test('rates are those between two looks', () => {
  const before = counters({ at: 1000, bytes: 1000, frames: 10, packets: 100, lost: 5 });
  const now = counters({ at: 3000, bytes: 251_000, frames: 70, packets: 295, lost: 10 });
  assert.deepEqual(statisticsOf('webrtc', before, now), {
    transport: 'webrtc',
    route: 'direct',
    roundTripMs: 12,
    codec: 'VP8',
    size: box(1280, 720),
    framesPerSecond: 30,
    kbps: 1000,
    lossPercent: 2.5,
  });
});

test('a desktop at rest has no frames and no loss; a first look, or another connection, has no rates', () => {
  const before = counters({ at: 1000, bytes: 5000, frames: 10, packets: 100 });
  const still = statisticsOf('webrtc', before, { ...before, at: 2000 });
  assert.deepEqual([still.framesPerSecond, still.kbps, still.lossPercent], [0, 0, null]);
  for (const earlier of [null, counters({ at: 1000, bytes: 99_999 })]) {
    const first = statisticsOf('webrtc', earlier, { ...before, at: 2000 });
    assert.deepEqual([first.framesPerSecond, first.kbps, first.lossPercent], [null, null, null]);
  }
});

test('who was in control asks for it again on the next connection, once, and not after having left', () => {
  const as = (holder: ControlState['holder']): ControlState => ({
    holder,
    mode: 'control',
    viewers: 2,
    clipboard: true,
  });
  let asked = 0;
  const turn = new Turn();
  const told = (holder: ControlState['holder']) =>
    turn.told(as(holder), () => {
      asked += 1;
      return true;
    });
  told('other');
  turn.keep();
  told('other');
  assert.equal(asked, 0, 'it was never its turn');
  told('you');
  assert.ok(turn.mine);
  turn.keep();
  told('other');
  told('other');
  assert.equal(asked, 1);
  told('you');
  turn.keep();
  turn.giveUp();
  told('other');
  assert.equal(asked, 1);
  turn.keep(true);
  told('other');
  assert.equal(asked, 2, 'the connection before may have had control');
});

test('what a connection lost is sent again on the next one, once and in order', () => {
  const log = new InputLog();
  log.add('a', 0);
  log.add('b', 0);
  assert.deepEqual(log.take(0), ['a', 'b']);
  log.add('c', 1000);
  log.add('d', 1500);
  assert.deepEqual(log.take(1500), ['c', 'd']);
  log.add('e', 2000);
  log.heard(3);
  assert.deepEqual(log.take(2000), ['d', 'e']);
  assert.deepEqual(log.take(2000), []);
  // A streamer that forgot this viewer counts from zero again.
  log.add('f', 20_000);
  log.heard(0);
  assert.deepEqual(log.take(20_000), ['f']);
  log.add('g', 20_100);
  log.heard(1);
  assert.deepEqual(log.take(20_100), ['g']);
});

test('what waits for too long, or for a way that is left, is dropped as a whole, and what follows is sent', () => {
  const log = new InputLog();
  log.add('early', 0);
  log.take(0);
  log.add('half a pass', 1000);
  log.add('word', 10_000);
  log.add(' and more', 12_000);
  assert.equal(log.take(12_000), null);
  log.add('anew', 12_000);
  assert.deepEqual(log.take(12_000), ['anew']);
  log.add('left', 12_500);
  log.drop();
  log.add('stays', 12_600);
  // Of those before only the first was heard: the other is as late as what was left.
  log.heard(1);
  assert.deepEqual(log.take(12_600), ['stays']);
  log.add('goes on', 12_700);
  log.heard(2);
  assert.deepEqual(log.take(12_700), ['goes on']);
});
