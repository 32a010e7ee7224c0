import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputGate } from '../src/input/gate.ts';
import { ViewerInput } from '../src/input/viewer-input.ts';
import type { InputTarget } from '../src/picture-source.ts';

type Done = readonly (string | number | boolean)[];

function recorded(mayAct = true): { readonly input: ViewerInput; readonly done: Done[] } {
  const done: Done[] = [];
  const target: InputTarget = {
    pointer: (x, y, mask) => done.push(['pointer', x, y, mask]),
    key: (keysym, pressed) => done.push(['key', keysym, pressed]),
    text: (text) => done.push(['text', text]),
    clipboard: (text) => done.push(['clipboard', text]),
    resize: (width, height) => done.push(['resize', width, height]),
  };
  const input = new ViewerInput(target, {
    mayAct: () => mayAct,
    take: () => done.push(['take']),
    hear: (on) => done.push(['hear', on]),
  });
  return { input, done };
}

const say = (input: ViewerInput, message: object): boolean => input.receive('input', JSON.stringify(message));
const move = (input: ViewerInput, x: number, sequence: number): boolean =>
  input.receive('pointer', JSON.stringify({ type: 'move', x, y: 7, sequence }));
const wheel = { type: 'wheel', x: 5, y: 6, deltaX: 0, deltaY: 0 };

test('a move that arrives after a later one is dropped', () => {
  const { input, done } = recorded();
  for (const [x, sequence] of [
    [1, 0],
    [3, 2],
    [2, 1],
  ] as const) {
    move(input, x, sequence);
  }
  assert.deepEqual(done, [
    ['pointer', 1, 7, 0],
    ['pointer', 3, 7, 0],
  ]);
});

test('buttons add up in the mask and moves keep them', () => {
  const { input, done } = recorded();
  const button = { type: 'button', x: 1, y: 7, pressed: true };
  say(input, { ...button, button: 'left' });
  say(input, { ...button, button: 'right' });
  move(input, 2, 0);
  say(input, { ...button, button: 'left', pressed: false });
  assert.deepEqual(
    done.map((event) => event[3]),
    [1, 5, 5, 4],
  );
});

test('wheel pixels gather to steps, each way, and an absurd turn is bounded', () => {
  const { input, done } = recorded();
  for (let count = 0; count < 5; count += 1) say(input, { ...wheel, deltaY: 60 });
  assert.deepEqual(
    done.map((event) => event[3]),
    [16, 0, 16, 0],
  );
  done.length = 0;
  say(input, { ...wheel, deltaY: -180, deltaX: -120 });
  assert.deepEqual(
    done.map((event) => event[3]),
    [32, 0, 8, 0],
  );
  done.length = 0;
  say(input, { ...wheel, deltaX: 10_000 });
  assert.equal(done.length, 40);
});

test('a key is released as what it was pressed, and nothing stays down when focus is lost', () => {
  const { input, done } = recorded();
  say(input, { type: 'key', keysym: 0x41, code: 'KeyA', pressed: true });
  say(input, { type: 'key', keysym: 0x61, code: 'KeyA', pressed: false });
  say(input, { type: 'key', keysym: 0xffe1, code: 'ShiftLeft', pressed: true });
  say(input, { type: 'button', button: 'left', x: 1, y: 2, pressed: true });
  say(input, { type: 'release_all' });
  say(input, { type: 'release_all' });
  assert.deepEqual(done, [
    ['key', 0x41, true],
    ['key', 0x41, false],
    ['key', 0xffe1, true],
    ['pointer', 1, 2, 1],
    ['key', 0xffe1, false],
    ['pointer', 1, 2, 0],
  ]);
});

test('what does not fit its schema has no effect, and too much of it ends the viewer', () => {
  const { input, done } = recorded();
  const rubbish: unknown[] = [
    '',
    'null',
    '{"type":"key"}',
    '{"type":"button","button":"left","pressed":true,"x":-1,"y":0}',
    '{"type":"wheel","x":0,"y":0,"deltaX":0,"deltaY":1e9}',
    `{"type":"clipboard","text":"${'x'.repeat(2_000_000)}"}`,
    new ArrayBuffer(8),
    undefined,
  ];
  for (const data of rubbish) assert.equal(input.receive('input', data), true);
  assert.equal(input.receive('pointer', `{"type":"move","x":1,"y":1,"sequence":${'1'.repeat(300)}}`), true);
  assert.deepEqual(done, []);
  let stays = true;
  for (let count = 0; stays && count < 200; count += 1) stays = input.receive('input', '{}');
  assert.equal(stays, false);
});

test('a flood ends the viewer', () => {
  const { input } = recorded();
  let count = 0;
  while (move(input, 1, count) && count < 100_000) count += 1;
  assert.ok(count >= 1000 && count < 20_000, `${count} messages`);
});

test('who is not in control has no effect, and may ask to be', () => {
  const { input, done } = recorded(false);
  move(input, 1, 0);
  say(input, { type: 'button', button: 'left', x: 1, y: 2, pressed: true });
  say(input, { type: 'key', keysym: 0x41, code: 'KeyA', pressed: true });
  say(input, { type: 'clipboard', text: 'not for the guest' });
  say(input, { type: 'resize', width: 800, height: 600 });
  assert.deepEqual(done, []);
  say(input, { type: 'take_control' });
  assert.deepEqual(done, [['take']]);
});

test('who may only watch may listen', () => {
  const { input, done } = recorded(false);
  say(input, { type: 'sound', on: true });
  say(input, { type: 'sound', on: false });
  assert.deepEqual(done, [
    ['hear', true],
    ['hear', false],
  ]);
});

test('a size is asked of the desktop within its bounds, and not too often', () => {
  const { input, done } = recorded();
  say(input, { type: 'resize', width: 800, height: 600 });
  for (const [width, height] of [
    [801, 600],
    [300, 600],
    [2562, 600],
    [2560, 2560],
    [800.5, 600],
  ]) {
    say(input, { type: 'resize', width, height });
  }
  assert.deepEqual(done, [['resize', 800, 600]]);
  for (let count = 0; count < 50; count += 1) say(input, { type: 'resize', width: 640, height: 480 });
  assert.ok(done.length < 20, `${done.length} sizes`);
});

test('a closed gate keeps input in order, without the way of the pointer and with the last copied text alone', () => {
  const done: Done[] = [];
  let noticed = 0;
  const gate = new InputGate(
    {
      pointer: (x, y, mask) => done.push(['pointer', x, y, mask]),
      key: (keysym, pressed) => done.push(['key', keysym, pressed]),
      text: (text) => done.push(['text', text]),
      clipboard: (text) => done.push(['clipboard', text]),
      resize: (width, height) => done.push(['resize', width, height]),
    },
    () => {
      noticed += 1;
    },
  );
  gate.pointer(1, 1, 0);
  gate.hold();
  gate.hold();
  for (const x of [2, 3, 4]) gate.pointer(x, 1, 0);
  for (const mask of [1, 0]) gate.pointer(4, 1, mask);
  gate.clipboard('first');
  gate.key(97, true);
  for (const width of [800, 640]) gate.resize(width, 480);
  gate.clipboard('second');
  assert.deepEqual(done, [['pointer', 1, 1, 0]]);
  assert.equal(noticed, 11);
  gate.release();
  gate.key(97, false);
  assert.deepEqual(done.slice(1), [
    ['pointer', 4, 1, 0],
    ['pointer', 4, 1, 1],
    ['pointer', 4, 1, 0],
    ['key', 97, true],
    ['resize', 640, 480],
    ['clipboard', 'second'],
    ['key', 97, false],
  ]);
});

test('what a closed gate keeps is bounded, and no key stays down for it', () => {
  const down = new Set<number>();
  let passed = 0;
  const gate = new InputGate(
    {
      pointer() {},
      key(keysym, pressed) {
        passed += 1;
        if (pressed) down.add(keysym);
        else down.delete(keysym);
      },
      text() {},
      clipboard() {},
      resize() {},
    },
    () => {},
  );
  gate.hold();
  for (let keysym = 0; keysym < 10_000; keysym += 1) {
    gate.key(keysym, true);
    gate.key(keysym, false);
  }
  gate.release();
  assert.ok(passed > 1000 && passed < 10_000, String(passed));
  assert.equal(down.size, 0);
});
