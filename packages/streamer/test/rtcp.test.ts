import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packetsOf, sequenceOf, setNumber } from '../src/transport/rtp/packets.ts';
import { type Arrival, readFeedback } from '../src/transport/rtp/rtcp.ts';

function heard(hex: string) {
  const missing: number[] = [];
  const arrivals: Arrival[] = [];
  let keyFrames = 0;
  readFeedback(Buffer.from(hex.replaceAll(' ', ''), 'hex'), {
    missing: (sequences) => missing.push(...sequences),
    keyFrame: () => {
      keyFrames += 1;
    },
    arrivals: (each) => arrivals.push(...each),
  });
  return { missing, arrivals, keyFrames };
}

test('a report, missing packets and a wish for a key frame are read from one packet', () => {
  const { missing, keyFrames } = heard(
    '80c90001 00000001 81cd0003 00000001 00000002 fffe0005 81ce0002 00000001 00000002',
  );
  assert.deepEqual(missing, [0xfffe, 0xffff, 1]);
  assert.equal(keyFrames, 1);
});

test('arrivals are read from runs and from both kinds of lists, with large and backward steps', () => {
  // From 65534: a run of two that came, a list of 14 of which the first came, a list of 7 with one large step.
  const { arrivals } = heard(
    '8fcd0008 00000001 00000002 fffe0017 00000100 2002 a000 e000 04 08 10 fff0 000000 00000000',
  );
  assert.equal(arrivals.length, 23);
  assert.deepEqual(arrivals.slice(0, 4), [
    { sequence: 65_534, atMs: 65 },
    { sequence: 65_535, atMs: 67 },
    { sequence: 0, atMs: 71 },
    { sequence: 1, atMs: null },
  ]);
  assert.deepEqual(arrivals[16], { sequence: 14, atMs: 67 });
  assert.ok(arrivals.slice(17).every(({ atMs }) => atMs === null));
});

test('what is cut short or of an unknown kind is passed over', () => {
  for (const hex of ['', '81', '81cd0003 00000001', '8fcd0003 00000001 00000002 0001ffff', '90ff0000']) {
    const { missing, keyFrames } = heard(hex);
    assert.deepEqual([missing, keyFrames], [[], 0], hex);
  }
});

test('a frame becomes packets that fit, in order, the last one marked, each to be shown at once', () => {
  const shape = { ssrc: 7, payloadType: 96, transportWide: 4, playoutDelay: 5 };
  const frame = Buffer.from(Array.from({ length: 3000 }, (_, at) => at & 255));
  const packets = packetsOf(frame, shape, 0xffff, 123, 0x7fff);
  assert.deepEqual(packets.map(sequenceOf), [0xffff, 0, 1]);
  assert.deepEqual(
    packets.map((packet) => packet[1]! >> 7),
    [0, 0, 1],
  );
  for (const packet of packets) {
    setNumber(packet, shape, 0x1234);
    assert.ok(packet.length <= 1160);
    assert.equal(packet.subarray(12, 24).toString('hex'), 'bede000241123452000000000'.slice(0, 24));
  }
  assert.deepEqual(
    packets.map((packet) => packet.subarray(24, 28).toString('hex')),
    ['9080ffff', '8080ffff', '8080ffff'],
  );
  assert.deepEqual(Buffer.concat(packets.map((packet) => packet.subarray(28))), frame);
});
