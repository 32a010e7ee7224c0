import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalCandidates } from '../src/transport/local-candidates.ts';

const host = (address: string, type = 'typ host') =>
  `candidate:1 1 udp 2122194687 ${address} 41000 ${type} generation 0`;

test('an announced address stands beside each own one of its family, with the same port', () => {
  const local = new LocalCandidates({
    tcp: false,
    announced: ['192.0.2.7', '2001:db8::7'],
    hidden: [],
    offered: null,
  });
  assert.deepEqual(local.told(host('10.0.0.5')), [
    host('10.0.0.5'),
    'candidate:10 1 udp 2122194687 192.0.2.7 41000 typ host generation 0',
  ]);
  assert.deepEqual(local.told(host('fd00::5')), [
    host('fd00::5'),
    'candidate:10 1 udp 2122194687 2001:db8::7 41000 typ host generation 0',
  ]);
  assert.deepEqual(local.told(host('192.0.2.7')), [host('192.0.2.7')]);
});

test('what goes through a relay is told without the own address behind it', () => {
  const local = new LocalCandidates({
    tcp: false,
    announced: ['192.0.2.7'],
    hidden: [],
    offered: ['127.0.0.0/8'],
  });
  assert.deepEqual(local.told(host('198.51.100.9', 'typ relay raddr 10.231.0.1 rport 5000')), [
    host('198.51.100.9', 'typ relay raddr 0.0.0.0 rport 0'),
  ]);
  assert.deepEqual(local.told(host('2001:db8::9', 'typ srflx raddr fd00::5 rport 5000')), [
    host('2001:db8::9', 'typ srflx raddr :: rport 0'),
  ]);
});

test('of own addresses those in the offered subnets are told, and never those of one wire alone', () => {
  const local = new LocalCandidates({
    tcp: false,
    announced: [],
    hidden: [],
    offered: ['127.0.0.0/8', '::1/128'],
  });
  for (const own of ['127.0.0.1', '::1']) assert.deepEqual(local.told(host(own)), [host(own)]);
  for (const other of ['10.0.0.5', '2001:db8::5']) assert.deepEqual(local.told(host(other)), []);
  const any = new LocalCandidates({ tcp: false, announced: [], hidden: [], offered: null });
  for (const other of ['169.254.3.4', 'fe80::1']) assert.deepEqual(any.told(host(other)), []);
});

test('hidden addresses and TCP are told to nobody, by candidate or in a description', () => {
  const local = new LocalCandidates({
    tcp: false,
    announced: ['192.0.2.7'],
    hidden: ['10.231.0.0/16', 'fd00::/8'],
    offered: null,
  });
  const tcp = 'candidate:3 1 tcp 1518214911 10.0.0.5 9 typ host tcptype active';
  for (const candidate of [host('10.231.4.1'), host('fd00::5'), tcp, 'candidate:nonsense', '']) {
    assert.deepEqual(local.told(candidate), []);
  }
  const lines = [
    'v=0',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    `a=${host('10.231.4.1')}`,
    `a=${host('10.0.0.5')}`,
    `a=${tcp}`,
    '',
  ];
  const described = local.describe(lines.join('\r\n')).split('\r\n');
  assert.equal(described.filter((line) => line.startsWith('a=candidate:')).length, 2);
  assert.equal(described.at(-1), '');
});

test('TCP is told where it is on and this side listens, at announced addresses too', () => {
  const local = new LocalCandidates({ tcp: true, announced: ['192.0.2.7'], hidden: [], offered: null });
  const tcp = (type: string, address = '10.0.0.5', foundation = '3') =>
    `candidate:${foundation} 1 tcp 1518214911 ${address} 41000 typ host tcptype ${type}`;
  assert.deepEqual(local.told(tcp('active')), []);
  assert.deepEqual(local.told(tcp('passive')), [tcp('passive'), tcp('passive', '192.0.2.7', '30')]);
});

test('what is no address or no subnet is refused', () => {
  assert.throws(
    () => new LocalCandidates({ tcp: false, announced: [], hidden: ['somewhere/8'], offered: null }),
  );
  assert.throws(
    () => new LocalCandidates({ tcp: false, announced: [], hidden: [], offered: ['somewhere/8'] }),
  );
});
