import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import datachannel, { type PeerConnection } from 'node-datachannel';
import { Doors } from '../src/transport/doors.ts';
import { ATTRIBUTE, KIND, mappedAddress, readStun, writeStun } from '../src/transport/stun.ts';

let peer: PeerConnection;
let doors: Doors;
let port: number;
let ice: { user: string; password: string };

before(async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  peer = new datachannel.PeerConnection('one', { iceServers: [] });
  peer.onGatheringStateChange((state) => {
    if (state === 'complete') resolve(peer.localDescription()?.sdp ?? '');
  });
  peer.createDataChannel('any');
  const sdp = await promise;
  ice = {
    user: /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1] ?? '',
    password: /^a=ice-pwd:(\S+)/m.exec(sdp)?.[1] ?? '',
  };
  port = Number(/^a=candidate:\S+ \d+ \S+ \d+ \S+ (\d+) typ host/m.exec(sdp)?.[1]);
  doors = new Doors(port, ice.password);
});
after(() => {
  doors.close();
  peer.close();
  // Its threads would keep the process.
  datachannel.cleanup();
});

/** A check of a viewer whose tie-breaker is 0; we made an offer here, so it is the one that is controlled. */
function check(password = ice.password): Buffer {
  const priority = Buffer.from([0x6e, 0, 1, 0xff]);
  const attributes = [
    { type: ATTRIBUTE.username, value: Buffer.from(`${ice.user}:them`) },
    { type: ATTRIBUTE.controlled, value: Buffer.alloc(8) },
    { type: 0x0024, value: priority },
  ];
  return writeStun({ kind: KIND.request, transaction: randomBytes(12), attributes }, password);
}

function assertAnswers(answer: Buffer, request: Buffer, from: { address: string; port: number }): void {
  const message = readStun(answer, ice.password);
  assert.equal(message?.kind, KIND.response);
  assert.deepEqual(message.transaction, request.subarray(8, 20));
  const mapped = message.attributes.find(({ type }) => type === ATTRIBUTE.mappedAddress);
  assert.deepEqual(mapped?.value, mappedAddress(from.address, from.port, message.transaction));
}

test('a check by UDP with a tie-breaker of 0 is answered, and says where it came from', async () => {
  const door = await doors.bind({ min: 42_640, max: 42_647 });
  assert.ok(door !== null && door >= 42_640 && door <= 42_647, `port ${door}`);
  for (const [type, address] of [
    ['udp4', '127.0.0.1'],
    ['udp6', '::1'],
  ] as const) {
    const socket = createSocket(type);
    const request = check();
    socket.send(request, door, address);
    const [answer] = await once(socket, 'message');
    assertAnswers(answer, request, { address, port: socket.address().port });
    socket.close();
  }
});

test('the same by TCP, in frames, however they are cut; what was not made with the password ends the connection', async () => {
  const door = await doors.listen(null);
  const socket = connect(door ?? 0, '127.0.0.1');
  await once(socket, 'connect');
  const request = check();
  const framed = Buffer.concat([Buffer.from([0, request.length]), request]);
  socket.setNoDelay(true);
  socket.write(framed.subarray(0, 30));
  socket.write(framed.subarray(30));
  let answer = Buffer.alloc(0);
  while (answer.length < 2 || answer.length < 2 + answer.readUInt16BE(0)) {
    const [data] = await once(socket, 'data');
    answer = Buffer.concat([answer, data]);
  }
  assertAnswers(answer.subarray(2), request, { address: '127.0.0.1', port: socket.localPort ?? 0 });
  socket.destroy();

  const stranger = connect(door ?? 0, '127.0.0.1');
  const wrong = check('another password');
  stranger.write(Buffer.concat([Buffer.from([0, wrong.length]), wrong]));
  await once(stranger, 'close');
});
