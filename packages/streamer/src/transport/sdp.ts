import { isIP } from 'node:net';
import { type MediaDescription, parse, write } from 'sdp-transform';

/** What an offer says of the video and the sound it wants. */
export interface MediaOffer {
  /** The offer with what we can answer, for our side to read. */
  readonly sdp: string;
  readonly mid: string;
  readonly payloadType: number;
  /** Header extensions by their numbers; those we do not use are left out. */
  readonly extensions: readonly { readonly id: number; readonly uri: string }[];
  /** Numbers of these; null: the viewer does not know them. */
  readonly transportWide: number | null;
  readonly playoutDelay: number | null;
  /** Null: the viewer takes no Opus, or there is no sound. */
  readonly sound: { readonly mid: string; readonly payloadType: number } | null;
}

const TRANSPORT_WIDE = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01';
const PLAYOUT_DELAY = 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay';
/** What is wanted of a receiver: reports of missing packets, requests for key frames, and all arrivals. */
const FEEDBACK = new Set(['nack', 'transport-cc']);
/** Header extensions of one byte have these numbers (RFC 8285). */
const MAX_EXTENSION = 14;

/**
 * A viewer's offer as our side is to read it: video in VP8 alone, sound in Opus alone where there is any, and no
 * candidate that is a name (mDNS), so that nothing a viewer says makes us ask a resolver. Throws for text that is no such
 * offer.
 */
export function readOffer(sdp: string, hasSound: boolean): MediaOffer {
  const session = parse(sdp);
  const video = session.media.find((media) => media.type === 'video');
  if (video?.mid === undefined) throw new Error('the offer has no video');
  const codec = video.rtp.find(({ codec: name }) => name.toUpperCase() === 'VP8');
  if (codec === undefined) throw new Error('the offer has no VP8');
  const payloadType = codec.payload;
  video.rtp = [codec];
  video.fmtp = [];
  video.payloads = String(payloadType);
  video.rtcpFb = (video.rtcpFb ?? []).filter(
    ({ payload, type }) => payload === payloadType && FEEDBACK.has(type),
  );
  const extensions = (video.ext ?? [])
    .filter(({ uri, value }) => (uri === TRANSPORT_WIDE || uri === PLAYOUT_DELAY) && value <= MAX_EXTENSION)
    .map(({ uri, value }) => ({ id: value, uri }));
  video.ext = extensions.map(({ id, uri }) => ({ value: id, uri }));
  const sound = hasSound ? readSound(session.media) : null;
  for (const media of session.media) {
    withoutNames(media);
    // Answered as it is asked for: nothing either way.
    if (media.type === 'audio' && String(media.mid) !== sound?.mid) media.direction = 'inactive';
  }
  const numberOf = (uri: string) => extensions.find((extension) => extension.uri === uri)?.id ?? null;
  return {
    sdp: write(session),
    mid: String(video.mid),
    payloadType,
    extensions,
    transportWide: numberOf(TRANSPORT_WIDE),
    playoutDelay: numberOf(PLAYOUT_DELAY),
    sound,
  };
}

/** Leaves nothing but Opus in the section that takes it. */
function readSound(sections: readonly MediaDescription[]): MediaOffer['sound'] {
  const sound = sections.find((media) => media.type === 'audio');
  const codec = sound?.rtp.find(({ codec: name }) => name.toUpperCase() === 'OPUS');
  if (sound?.mid === undefined || codec === undefined) return null;
  sound.rtp = [codec];
  sound.fmtp = [];
  sound.payloads = String(codec.payload);
  sound.rtcpFb = [];
  sound.ext = [];
  return { mid: String(sound.mid), payloadType: codec.payload };
}

function withoutNames(media: MediaDescription): void {
  if (media.candidates === undefined) return;
  media.candidates = media.candidates.filter((candidate) => isIP(candidate.ip) !== 0);
}

/** Of a candidate's words: `candidate:FOUNDATION COMPONENT PROTOCOL PRIORITY ADDRESS PORT typ TYPE ...` (RFC 8839, 5.1). */
export const WORD = { foundation: 0, protocol: 2, priority: 3, address: 4, port: 5, type: 7 } as const;

/** Has the candidate an address, and not a name? */
export function isAddressCandidate(line: string): boolean {
  const { candidates } =
    parse(`m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=${line.replace(/[\r\n].*/s, '')}\r\n`).media[0] ?? {};
  const candidate = candidates?.[0];
  return candidate !== undefined && isIP(candidate.ip) !== 0;
}
