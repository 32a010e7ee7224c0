import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAddressCandidate, prepareOffer } from '../src/transport/sdp.ts';

const OFFER = `v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=video 9 UDP/TLS/RTP/SAVPF 45 98 99 96 97
c=IN IP4 0.0.0.0
a=mid:0
a=recvonly
a=rtpmap:45 AV1/90000
a=rtpmap:98 VP9/90000
a=fmtp:98 profile-id=0
a=rtpmap:99 H264/90000
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=candidate:1 1 udp 2113937151 0b1f8c9e.local 50000 typ host
a=candidate:2 1 udp 2113937151 192.0.2.7 50001 typ host
`.replaceAll('\n', '\r\n');

test('an offer is read with VP8 first, our bitrates, and addresses instead of names', () => {
  const prepared = prepareOffer(OFFER, { startKbps: 2500, maxKbps: 8000 });
  assert.match(prepared, /^m=video 9 UDP\/TLS\/RTP\/SAVPF 96 45 98 99 97\r$/m);
  assert.match(prepared, /^a=fmtp:96 x-google-start-bitrate=2500;x-google-max-bitrate=8000\r$/m);
  assert.match(prepared, /^a=fmtp:98 profile-id=0;x-google-start-bitrate=2500;x-google-max-bitrate=8000\r$/m);
  assert.match(prepared, /^a=fmtp:97 apt=96\r$/m);
  assert.doesNotMatch(prepared, /fmtp:99/);
  assert.doesNotMatch(prepared, /\.local/);
  assert.match(prepared, /192\.0\.2\.7/);
});

test('an offer without video is none', () => {
  assert.throws(() => prepareOffer('v=0\r\n', { startKbps: 1, maxKbps: 1 }));
});

test('a candidate counts with an address, not with a name or with nothing', () => {
  assert.equal(isAddressCandidate('candidate:1 1 udp 1 192.0.2.7 5000 typ host'), true);
  assert.equal(isAddressCandidate('candidate:1 1 udp 1 fd00::7 5000 typ host'), true);
  assert.equal(isAddressCandidate('candidate:1 1 udp 1 0b1f.local 5000 typ host'), false);
  assert.equal(isAddressCandidate('candidate:1 1 udp 1 example.com 5000 typ host'), false);
  assert.equal(isAddressCandidate('no candidate'), false);
  assert.equal(isAddressCandidate('x\r\na=candidate:1 1 udp 1 192.0.2.7 5000 typ host'), false);
});
