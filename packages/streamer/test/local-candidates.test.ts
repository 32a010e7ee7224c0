import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalCandidates } from '../src/transport/local-candidates.ts';

const host = (address: string, type = 'typ host') =>
  `candidate:1 1 udp 2122194687 ${address} 41000 ${type} generation 0`;

test('an announced address stands beside each own one of its family, with the same port', () => {
  const local = new LocalCandidates({ announced: ['192.0.2.7', '2001:db8::7'], hidden: [] });
  assert.deepEqual(local.told(host('10.0.0.5')), [
    host('10.0.0.5'),
    'candidate:10 1 udp 2122194687 192.0.2.7 41000 typ host generation 0',
  ]);
  assert.deepEqual(local.told(host('fd00::5')), [
    host('fd00::5'),
    'candidate:10 1 udp 2122194687 2001:db8::7 41000 typ host generation 0',
  ]);
  assert.deepEqual(local.told(host('192.0.2.7')), [host('192.0.2.7')]);
  const relayed = host('198.51.100.9', 'typ relay raddr 10.0.0.5 rport 5000');
  assert.deepEqual(local.told(relayed), [relayed]);
});

test('hidden addresses and TCP are told to nobody, by candidate or in a description', () => {
  const local = new LocalCandidates({ announced: ['192.0.2.7'], hidden: ['10.231.0.0/16', 'fd00::/8'] });
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

test('what is no address or no subnet is refused', () => {
  assert.throws(() => new LocalCandidates({ announced: [], hidden: ['somewhere/8'] }));
});
