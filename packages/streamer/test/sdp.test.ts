import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAddressCandidate, readOffer } from '../src/transport/sdp.ts';

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
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 transport-cc
a=rtcp-fb:96 nack pli
a=rtcp-fb:97 nack
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay
a=candidate:1 1 udp 2113937151 0b1f8c9e.local 50000 typ host
a=candidate:2 1 udp 2113937151 192.0.2.7 50001 typ host
`.replaceAll('\n', '\r\n');

test('an offer is read with VP8 alone, what we use of its extensions, and addresses instead of names', () => {
  const { sdp, ...video } = readOffer(OFFER, false);
  const transportWide = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
  const playoutDelay = 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay';
  assert.deepEqual(video, {
    mid: '0',
    payloadType: 96,
    extensions: [
      { id: 4, uri: transportWide },
      { id: 5, uri: playoutDelay },
    ],
    transportWide: 4,
    playoutDelay: 5,
    sound: null,
  });
  assert.match(sdp, /^m=video 9 UDP\/TLS\/RTP\/SAVPF 96\r$/m);
  assert.match(sdp, /^a=rtcp-fb:96 transport-cc\r$/m);
  assert.match(sdp, /^a=rtcp-fb:96 nack pli\r$/m);
  assert.doesNotMatch(sdp, /:97|:98|:99|goog-remb|abs-send-time/);
  assert.doesNotMatch(sdp, /\.local/);
  assert.match(sdp, /192\.0\.2\.7/);
});

const SOUND = `m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0
c=IN IP4 0.0.0.0
a=mid:1
a=recvonly
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtcp-fb:111 transport-cc
a=rtpmap:63 red/48000/2
a=rtpmap:0 PCMU/8000
a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
`.replaceAll('\n', '\r\n');

test('of an offer of sound Opus is taken alone, and nothing where there is no sound', () => {
  const offer = readOffer(OFFER + SOUND, true);
  assert.deepEqual(offer.sound, { mid: '1', payloadType: 111 });
  const section = offer.sdp.slice(offer.sdp.indexOf('m=audio'));
  assert.match(section, /^m=audio 9 UDP\/TLS\/RTP\/SAVPF 111\r$/m);
  assert.doesNotMatch(section, /red|PCMU|transport/);
  const without = readOffer(OFFER + SOUND, false);
  assert.equal(without.sound, null);
  assert.match(without.sdp.slice(without.sdp.indexOf('m=audio')), /^a=inactive\r$/m);
  assert.equal(readOffer(OFFER + SOUND.replace('opus', 'speex'), true).sound, null);
});

test('an offer without video, or without VP8, is none', () => {
  assert.throws(() => readOffer('v=0\r\n', false), /no video/);
  assert.throws(() => readOffer(OFFER.replace('VP8/90000', 'VP7/90000'), false), /no VP8/);
});

test('a candidate counts with an address, not with a name or with nothing', () => {
  assert.equal(isAddressCandidate('candidate:1 1 udp 1 192.0.2.7 5000 typ host'), true);
  assert.equal(isAddressCandidate('candidate:1 1 udp 1 fd00::7 5000 typ host'), true);
  assert.equal(isAddressCandidate('candidate:1 1 udp 1 0b1f.local 5000 typ host'), false);
  assert.equal(isAddressCandidate('candidate:1 1 udp 1 example.com 5000 typ host'), false);
  assert.equal(isAddressCandidate('no candidate'), false);
  assert.equal(isAddressCandidate('x\r\na=candidate:1 1 udp 1 192.0.2.7 5000 typ host'), false);
});
