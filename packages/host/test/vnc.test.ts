import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { ClientMessages } from '../src/vnc/client-messages.ts';
import { ObservedVnc } from '../src/vnc/observed.ts';

const GREETING = Buffer.concat([Buffer.from('RFB 003.008\n'), Buffer.from([1, 1])]);
const byItself = {
  'a pixel format': Buffer.from([0, ...Array.from({ length: 19 }, () => 4)]),
  encodings: Buffer.from([2, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 4]),
  'a request': Buffer.from([3, 1, 0, 0, 0, 0, 5, 0, 2, 208]),
  'a text': Buffer.from([6, 0, 0, 0, 0, 0, 0, 3, 4, 5, 5]),
  'an extended text': Buffer.from([6, 0, 0, 0, 0xff, 0xff, 0xff, 0xfc, 1, 0, 0, 4]),
  'continuous updates': Buffer.from([150, 1, 0, 0, 0, 0, 5, 0, 2, 208]),
  'a fence': Buffer.from([248, 0, 0, 0, 0, 0, 0, 3, 2, 5, 4]),
  xvp: Buffer.from([250, 0, 1, 2]),
  'a size': Buffer.from([251, 0, 5, 0, 2, 208, 1, 0, ...Array.from({ length: 16 }, () => 5)]),
};
const input = {
  key: Buffer.from([4, 1, 0, 0, 0, 0, 0, 97]),
  pointer: Buffer.from([5, 0, 0, 9, 0, 9]),
  'extended key': Buffer.from([255, 0, 0, 1, 0, 0, 0, 97, 0, 0, 0, 30]),
};

test('input is told from what a VNC client says by itself, however its bytes arrive', () => {
  const quiet = Buffer.concat([GREETING, ...Object.values(byItself), ...Object.values(byItself)]);
  for (const size of [1, 3, 7, quiet.length]) {
    const messages = new ClientMessages();
    for (let at = 0; at < quiet.length; at += size) {
      assert.equal(messages.hasInput(quiet.subarray(at, at + size)), false, `${at} by ${size}`);
    }
    for (const [name, message] of Object.entries(input)) assert.ok(messages.hasInput(message), name);
    assert.equal(messages.hasInput(byItself['a fence']), false);
  }
});

test('after a message that nobody knows, everything counts as input', () => {
  const messages = new ClientMessages();
  messages.hasInput(GREETING);
  assert.ok(messages.hasInput(Buffer.from([99])));
  assert.ok(messages.hasInput(byItself['a fence']));
});

test('an observed connection carries every byte both ways, says when there was input, and ends with its server', async () => {
  const long = Buffer.alloc(1_000_000, 7);
  const received: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on('data', (chunk: Buffer) => {
      received.push(chunk);
      if (Buffer.concat(received).length < GREETING.length + input.key.length) return;
      socket.end(long);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  await once(socket, 'connect');
  let inputs = 0;
  const observed = new ObservedVnc(socket, () => {
    inputs += 1;
  });
  observed.write(GREETING);
  observed.write(input.key);
  const chunks: Buffer[] = [];
  for await (const chunk of observed as AsyncIterable<Buffer>) chunks.push(chunk);
  assert.deepEqual(Buffer.concat(received), Buffer.concat([GREETING, input.key]));
  assert.equal(Buffer.concat(chunks).compare(long), 0);
  assert.equal(inputs, 1);
  assert.ok(socket.destroyed);
  server.close();
  await once(server, 'close');
});
