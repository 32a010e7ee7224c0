import { isIP } from 'node:net';
import { type MediaDescription, parse, write } from 'sdp-transform';

/** Bitrates in kbit/s. */
export interface Rates {
  readonly startKbps: number;
  readonly maxKbps: number;
}

/** Payload types of VP8 first: of the codecs at hand, the one that keeps up on a CPU without SIMD tricks. */
function preferVp8(media: MediaDescription): void {
  const vp8 = media.rtp.filter((codec) => codec.codec.toUpperCase() === 'VP8').map((codec) => codec.payload);
  const others = String(media.payloads ?? '')
    .split(' ')
    .filter((payload) => !vp8.includes(Number(payload)));
  media.payloads = [...vp8, ...others].join(' ');
}

/** libwebrtc's sender takes its start and ceiling from the remote description's format parameters. */
function setRates(media: MediaDescription, rates: Rates): void {
  const parameters = `x-google-start-bitrate=${rates.startKbps};x-google-max-bitrate=${rates.maxKbps}`;
  for (const { payload, codec } of media.rtp) {
    if (!/^(VP8|VP9|AV1)$/i.test(codec)) continue;
    const known = media.fmtp.find((format) => format.payload === payload);
    if (known === undefined) media.fmtp.push({ payload, config: parameters });
    else known.config = `${known.config};${parameters}`;
  }
}

/**
 * A viewer's offer as our side is to read it: VP8 first, our bitrates, and no candidate that is a name
 * (mDNS), so that nothing a viewer says makes us ask a resolver. Throws for text that is no offer of video.
 */
export function prepareOffer(sdp: string, rates: Rates): string {
  const session = parse(sdp);
  const video = session.media.find((media) => media.type === 'video');
  if (video === undefined) throw new Error('the offer has no video');
  preferVp8(video);
  setRates(video, rates);
  for (const media of session.media) {
    if (media.candidates === undefined) continue;
    media.candidates = media.candidates.filter((candidate) => isIP(candidate.ip) !== 0);
  }
  return write(session);
}

/** Has the candidate an address, and not a name? */
export function isAddressCandidate(line: string): boolean {
  const { candidates } =
    parse(`m=video 9 UDP/TLS/RTP/SAVPF 0\r\na=${line.replace(/[\r\n].*/s, '')}\r\n`).media[0] ?? {};
  const candidate = candidates?.[0];
  return candidate !== undefined && isIP(candidate.ip) !== 0;
}
