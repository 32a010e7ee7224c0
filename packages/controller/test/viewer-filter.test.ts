import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ViewerFilter } from '../src/gateways/vnc/viewer-filter.ts';

const GREETING = Buffer.from('RFB 003.008\n');
const bytes = (...values: number[]): Buffer => Buffer.from(values);
const zeros = (type: number, length: number): Buffer =>
  Buffer.concat([bytes(type), Buffer.alloc(length - 1)]);
const int = (value: number): number[] => [...Buffer.from(new Int32Array([value]).buffer).reverse()];

const REQUEST = zeros(3, 10);
const PIXEL_FORMAT = zeros(0, 20);
const FENCE = Buffer.concat([bytes(248, 0, 0, 0, 0, 0, 0, 0, 3), Buffer.from('abc')]);
const HELLO = Buffer.concat([GREETING, bytes(1, 0)]);
const WELCOMED = Buffer.concat([GREETING, bytes(1, 1)]);

const ACTS = [
  zeros(4, 8),
  zeros(5, 6),
  Buffer.concat([bytes(6, 0, 0, 0, ...int(5)), Buffer.from('hello')]),
  Buffer.concat([bytes(6, 0, 0, 0, ...int(-12)), Buffer.alloc(12, 3)]),
  Buffer.concat([bytes(251, 0, 4, 0, 2, 0, 2, 0), Buffer.alloc(32, 3)]),
  zeros(255, 12),
  zeros(250, 4),
];

test('what watching needs goes on, what acts on the desktop does not, however the bytes arrive', () => {
  const said = Buffer.concat([HELLO, PIXEL_FORMAT, ...ACTS.flatMap((act) => [act, REQUEST]), FENCE]);
  const expected = Buffer.concat([WELCOMED, PIXEL_FORMAT, ...ACTS.map(() => REQUEST), FENCE]);
  for (const size of [1, 7, said.length]) {
    const filter = new ViewerFilter({ clipboard: true });
    const passed: Buffer[] = [];
    for (let at = 0; at < said.length; at += size) passed.push(filter.push(said.subarray(at, at + size)));
    assert.deepEqual(Buffer.concat(passed), expected, `in pieces of ${size}`);
  }
});

test('encodings are asked for such that no copied text comes unasked', () => {
  const filter = new ViewerFilter({ clipboard: true });
  filter.push(HELLO);
  const passed = filter.push(
    Buffer.concat([bytes(2, 0, 0, 3), bytes(...int(7), ...int(-316), ...int(-223))]),
  );
  const clipboard = int(0xc0a1e5ce | 0);
  assert.deepEqual(
    passed,
    Buffer.concat([
      bytes(2, 0, 0, 3, ...int(7), ...int(-223), ...clipboard),
      // Text may be announced, asked for and given; none unasked.
      bytes(6, 0, 0, 0, ...int(-8), ...int(0x1b000001), ...int(0)),
    ]),
  );
});

test('what is no RFB, or too long, ends the viewer', () => {
  const breaches: Buffer[] = [
    bytes(7),
    Buffer.concat([bytes(255, 1), Buffer.alloc(10)]),
    bytes(2, 0, 255, 255),
    bytes(248, 0, 0, 0, 0, 0, 0, 0, 65),
    bytes(6, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff),
    bytes(6, 0, 0, 0, 0x80, 0, 0, 0),
  ];
  for (const breach of breaches) {
    const filter = new ViewerFilter({ clipboard: true });
    filter.push(HELLO);
    assert.throws(() => filter.push(breach), /^BrowserVmError: the viewer /, breach.toString('hex'));
  }
  const filter = new ViewerFilter({ clipboard: true });
  assert.throws(() => filter.push(Buffer.concat([GREETING, bytes(2)])), /security type/);
});

test('without a clipboard, everything else that acts goes on', () => {
  const said = Buffer.concat([HELLO, ...ACTS.flatMap((act) => [act, REQUEST])]);
  const acts = ACTS.filter((act) => ![6, 250].includes(act[0] ?? 0));
  for (const size of [1, 7, said.length]) {
    const filter = new ViewerFilter({ clipboard: false });
    filter.control(true);
    const passed: Buffer[] = [];
    for (let at = 0; at < said.length; at += size) passed.push(filter.push(said.subarray(at, at + size)));
    const got = Buffer.concat(passed);
    assert.equal(got.length, WELCOMED.length + Buffer.concat(acts).length + ACTS.length * REQUEST.length);
    for (const act of acts) assert.ok(got.includes(act), `message ${act[0]} in pieces of ${size}`);
    assert.equal(got.includes('hello'), false);
  }
});

test('in control, copied text goes both ways, and never unasked', () => {
  const filter = new ViewerFilter({ clipboard: true });
  filter.push(HELLO);
  const capabilities = bytes(6, 0, 0, 0, ...int(-8), ...int(0x1f000001), ...int(0x100000));
  const [text, asks, gives] = [
    Buffer.concat([bytes(6, 0, 0, 0, ...int(5)), Buffer.from('hello')]),
    bytes(6, 0, 0, 0, ...int(-4), ...int(0x02000001)),
    Buffer.concat([bytes(6, 0, 0, 0, ...int(-6), ...int(0x10000001)), Buffer.from('ab')]),
  ];
  const said = Buffer.concat([capabilities, text, asks, gives]);
  assert.equal(filter.push(said).length, 0);
  filter.control(true);
  assert.deepEqual(filter.push(said), Buffer.concat([text, asks, gives]));
});

test('who loses control holds nothing down any more', () => {
  const filter = new ViewerFilter({ clipboard: true });
  filter.push(HELLO);
  const key = (down: number, keysym: number) => bytes(4, down, 0, 0, ...int(keysym));
  const extended = (down: number) => bytes(255, 0, 0, down, ...int(0x62), ...int(0x30));
  filter.push(key(1, 0x61));
  assert.equal(filter.control(false).length, 0, 'what did not go through is not let go');
  filter.control(true);
  filter.push(
    Buffer.concat([key(1, 0x61), key(1, 0x63), key(0, 0x63), extended(1), bytes(5, 1, 0, 9, 0, 7)]),
  );
  assert.deepEqual(
    filter.control(false),
    Buffer.concat([key(0, 0x61), extended(0), bytes(5, 0, 0, 9, 0, 7)]),
  );
  assert.equal(filter.push(key(0, 0x61)).length, 0);
  filter.control(true);
  assert.equal(filter.control(false).length, 0);
});
