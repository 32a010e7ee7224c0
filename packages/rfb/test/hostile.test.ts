import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { parseConversation } from '../src/conversation.ts';
import { Framebuffer } from '../src/framebuffer.ts';
import { Incoming } from '../src/incoming.ts';
import { describePicture, isBlank, LIMITS, RfbClient, type RfbError } from '../src/index.ts';

/** A server that says exactly these bytes, whatever it hears. */
async function saying(bytes: Buffer | null, use: (port: number) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).resume();
    if (bytes !== null) socket.write(bytes);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  try {
    if (address === null || typeof address === 'string') throw new Error('no port');
    await use(address.port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
}

function u16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2);
  return bytes;
}

function i32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
}

const text = (value: string): Buffer => Buffer.from(value, 'latin1');
const GREETING = Buffer.concat([text('RFB 003.008\n'), Buffer.from([1, 1]), i32(0)]);
const init = (width: number, height: number, nameLength = 0): Buffer =>
  Buffer.concat([GREETING, u16(width, height), Buffer.alloc(16), i32(nameLength)]);
const rect = (x: number, y: number, width: number, height: number, encoding: number): Buffer =>
  Buffer.concat([u16(x, y, width, height), i32(encoding)]);
const update = (...rects: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from([0, 0]), u16(rects.length), ...rects]);
const cutText = (length: number, body: Buffer = Buffer.alloc(0)): Buffer =>
  Buffer.concat([Buffer.from([3, 0, 0, 0]), i32(length), body]);

const connect = (port: number, timeoutMs = 5000) => RfbClient.connect({ host: '127.0.0.1', port, timeoutMs });

/** What a client that is connected (64x48) makes of these bytes: the error it is closed with. */
async function fate(...messages: Buffer[]): Promise<RfbError | null> {
  let reason: RfbError | null = null;
  await saying(Buffer.concat([init(64, 48), ...messages]), async (port) => {
    try {
      const client = await connect(port);
      [reason] = await once(client, 'closed', { signal: AbortSignal.timeout(5000) });
    } catch (error) {
      reason = error as RfbError;
    }
  });
  return reason;
}

const REFUSED_AT_ONCE: readonly [what: string, bytes: Buffer, code: string][] = [
  ['another protocol', text('HTTP/1.1 400 Bad Request\r\n'), 'protocol'],
  ['an older version', text('RFB 003.003\n'), 'unsupported'],
  [
    'a server that wants a password',
    Buffer.concat([text('RFB 003.008\n'), Buffer.from([1, 2])]),
    'unsupported',
  ],
  [
    'a refusal with a reason',
    Buffer.concat([text('RFB 003.008\n'), Buffer.from([0]), i32(4), text('busy')]),
    'refused',
  ],
  [
    'a refusal whose reason is endless',
    Buffer.concat([text('RFB 003.008\n'), Buffer.from([0]), i32(-1)]),
    'limit',
  ],
  ['a desktop wider than the bound', init(LIMITS.side + 1, 48), 'limit'],
  ['a desktop without a pixel', init(0, 48), 'limit'],
  ['a name longer than the bound', init(64, 48, LIMITS.text + 1), 'limit'],
];

for (const [what, bytes, code] of REFUSED_AT_ONCE) {
  test(`${what} ends the connection with ${code}`, async () => {
    await saying(bytes, async (port) => {
      await assert.rejects(connect(port), { name: 'RfbError', code });
    });
  });
}

const BREACHES: readonly [what: string, messages: Buffer[], code: string][] = [
  ['a raw rectangle outside of the desktop', [update(rect(60, 0, 5, 1, 0))], 'limit'],
  ['a copy from outside of the desktop', [update(Buffer.concat([rect(0, 0, 8, 8, 1), u16(60, 0)]))], 'limit'],
  ['a copy to outside of the desktop', [update(Buffer.concat([rect(0, 45, 8, 8, 1), u16(0, 0)]))], 'limit'],
  ['a new size beyond the bound', [update(rect(0, 0, 65_535, 65_535, -223))], 'limit'],
  [
    'more screens than the bound',
    [update(Buffer.concat([rect(0, 0, 64, 48, -308), Buffer.from([255, 0, 0, 0])]))],
    'limit',
  ],
  ['a cursor larger than the bound', [update(rect(0, 0, LIMITS.cursorSide + 1, 1, -239))], 'limit'],
  [
    'an alpha cursor in an encoding not offered',
    [update(Buffer.concat([rect(0, 0, 8, 8, -314), i32(7)]))],
    'protocol',
  ],
  ['an encoding not offered', [update(rect(0, 0, 8, 8, 16))], 'protocol'],
  ['a message of unknown type', [Buffer.from([77])], 'protocol'],
  ['a colour map, which true colour has not', [Buffer.from([1, 0, 0, 0, 255, 255])], 'protocol'],
  [
    'more rectangles than the bound',
    [Buffer.concat([Buffer.from([0, 0]), u16(LIMITS.rectangles + 1)])],
    'limit',
  ],
  [
    'an update that never ends',
    [
      Buffer.concat([Buffer.from([0, 0]), u16(65_535)]),
      ...Array<Buffer>(LIMITS.rectangles + 1).fill(rect(0, 0, 0, 0, 0)),
    ],
    'limit',
  ],
  ['clipboard text longer than the bound', [cutText(LIMITS.clipboard + 1)], 'limit'],
  ['extended clipboard data longer than the bound', [cutText(-LIMITS.clipboard - 1)], 'limit'],
  ['the least 32-bit length', [cutText(-2_147_483_648)], 'limit'],
  ['extended clipboard data without flags', [cutText(-2, Buffer.alloc(2))], 'protocol'],
  [
    'clipboard data that unpacks beyond the bound',
    [
      (() => {
        const packed = deflateSync(Buffer.alloc(64 * 1_048_576));
        return cutText(-4 - packed.length, Buffer.concat([i32(0x10000001), packed]));
      })(),
    ],
    'limit',
  ],
  [
    'clipboard data that is no zlib stream',
    [cutText(-8, Buffer.concat([i32(0x10000001), text('nope')]))],
    'protocol',
  ],
  ['a fence longer than the bound', [Buffer.from([248, 0, 0, 0, 0, 0, 0, 0, 65])], 'limit'],
];

for (const [what, messages, code] of BREACHES) {
  test(`${what} closes the connection with ${code}`, async () => {
    const reason = await fate(...messages);
    assert.equal(reason?.name, 'RfbError');
    assert.equal(reason?.code, code, reason?.message);
  });
}

test('a server that accepts and never speaks is left after the limit', async () => {
  await saying(null, async (port) => {
    await assert.rejects(connect(port, 100), { name: 'RfbError', code: 'timeout' });
  });
});

test('a server that sends no picture is left after the limit, and can be asked again', async () => {
  await saying(init(64, 48), async (port) => {
    const client = await connect(port);
    await assert.rejects(client.takePicture({ timeoutMs: 100 }), { code: 'timeout' });
    assert.equal(client.closed, false);
    client.close();
  });
});

test('nobody there, and an abort, are errors of their own', async () => {
  await saying(null, async (port) => {
    const stop = new AbortController();
    const pending = RfbClient.connect({ host: '127.0.0.1', port, signal: stop.signal });
    stop.abort();
    await assert.rejects(pending, { code: 'aborted' });
    await assert.rejects(RfbClient.connect({ host: '127.0.0.1', port, signal: stop.signal }), {
      code: 'aborted',
    });
  });
  await assert.rejects(connect(1), { code: 'connect_failed' });
});

test('a server that goes away in the middle of a rectangle ends a waiting picture', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    socket.write(init(64, 48));
    socket.end(Buffer.concat([update(rect(0, 0, 64, 48, 0)), Buffer.alloc(100)]));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = await connect((server.address() as { port: number }).port);
  await assert.rejects(client.takePicture(), { code: 'closed' });
  server.close();
});

test('rectangles may arrive byte by byte, overlap in a copy, and land where they belong', () => {
  const row = (value: number): Buffer => Buffer.alloc(4 * 4, value);
  const bytes = Buffer.concat([
    init(4, 4),
    update(rect(0, 0, 4, 4, 0)),
    ...[1, 2, 3, 4].map(row),
    // One row down, over itself: 1 1 2 3.
    update(Buffer.concat([rect(0, 1, 4, 3, 1), u16(0, 0)])),
    // A single column in the middle.
    update(Buffer.concat([rect(2, 0, 1, 4, 0), Buffer.alloc(16, 9)])),
  ]);
  for (const size of [1, 7, bytes.length]) {
    const framebuffer = new Framebuffer();
    let updates = 0;
    const ignore = (): void => undefined;
    const incoming = new Incoming(
      parseConversation(framebuffer, {
        send: ignore,
        opened: ignore,
        damaged: ignore,
        resized: ignore,
        screen: ignore,
        cursor: ignore,
        clipboard: ignore,
        fence: ignore,
        supports: ignore,
        updated: () => {
          updates += 1;
        },
      }),
    );
    for (let at = 0; at < bytes.length; at += size) incoming.push(bytes.subarray(at, at + size));
    assert.equal(updates, 3);
    const firstBytes = [...framebuffer.pixels].filter((_, index) => index % 4 === 0);
    assert.deepEqual(firstBytes, [1, 1, 9, 1, 1, 1, 9, 1, 2, 2, 9, 2, 3, 3, 9, 3]);
  }
});

test('a picture is blank with one colour, a pattern of two, or a lone line; not with text', () => {
  const pixels = Buffer.alloc(320 * 200 * 4, 0xee);
  const picture = { width: 320, height: 200, pixels };
  assert.equal(isBlank(picture), true);
  for (let at = 0; at < pixels.length; at += 8) pixels.writeUInt32LE(0, at);
  assert.equal(isBlank(picture), true);
  pixels.fill(0xee);
  for (let x = 0; x < 100; x += 1) pixels.writeUInt32LE(x * 0x010101, x * 4);
  assert.equal(isBlank(picture), true);
  for (let at = 0; at < 4000; at += 1) pixels.writeUInt32LE((at % 40) * 0x010203, at * 4);
  assert.equal(isBlank(picture), false);
});

test('a picture is described by its size and its commonest colours', () => {
  const pixels = Buffer.alloc(10 * 10 * 4, 0xff);
  assert.equal(describePicture({ width: 10, height: 10, pixels }), '10x10, 100.0 % #ffffff');
  for (let at = 0; at < 30; at += 1) pixels.writeUInt32LE(at < 20 ? 0x2f6fd0 : at, at * 4);
  const described = describePicture({ width: 10, height: 10, pixels });
  assert.match(described, /^10x10, 70\.0 % #ffffff, 20\.0 % #2f6fd0, 1\.0 % #0000\d\w, 9 more colours$/);
});
