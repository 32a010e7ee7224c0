import type { Counters, Route } from './statistics.ts';

type Entry = Readonly<Record<string, unknown>> & { readonly type: string };

/** The counters in a report of `RTCPeerConnection.getStats()`. Browsers leave out what they do not know. */
export function countersOf(report: RTCStatsReport): Counters {
  const entries: Entry[] = [];
  report.forEach((entry: Entry) => {
    entries.push(entry);
  });
  const byId = (id: unknown): Entry | undefined => report.get(String(id)) as Entry | undefined;
  const video = entries.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video');
  const transport = entries.find(({ type }) => type === 'transport');
  const pair =
    byId(transport?.selectedCandidatePairId) ??
    // Firefox names no transport.
    entries.find(
      ({ type, state, nominated }) => type === 'candidate-pair' && state === 'succeeded' && nominated,
    );
  const roundTrip = pair?.currentRoundTripTime;
  const sound = entries.find(
    ({ type, kind, packetsReceived }) =>
      type === 'inbound-rtp' && kind === 'audio' && number(packetsReceived) > 0,
  );
  const codecs = [video, sound].flatMap((stream) => byId(stream?.codecId)?.mimeType ?? []);
  const width = number(video?.frameWidth);
  const height = number(video?.frameHeight);
  return {
    at: performance.now(),
    bytes: number(video?.bytesReceived),
    frames: number(video?.framesDecoded),
    packets: number(video?.packetsReceived),
    lost: number(video?.packetsLost),
    route: pair === undefined ? null : routeOf(byId(pair.localCandidateId), byId(pair.remoteCandidateId)),
    roundTripMs: typeof roundTrip === 'number' ? Math.round(roundTrip * 1000) : null,
    codec: codecs.map((mimeType) => String(mimeType).replace(/^\w+\//, '')).join(', ') || null,
    size: width > 0 && height > 0 ? { width, height } : null,
  };
}

function routeOf(...candidates: (Entry | undefined)[]): Route {
  return candidates.some((candidate) => candidate?.candidateType === 'relay') ? 'relayed' : 'direct';
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
