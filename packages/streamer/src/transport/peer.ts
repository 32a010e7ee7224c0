import type { IceCandidate, IceServer } from '@browser-vm/protocol';
import datachannel, {
  type Audio,
  type DataChannel,
  type IceServer as NativeIceServer,
  type PeerConnection,
  type Track,
  type Video,
} from 'node-datachannel';
import { Doors, type Ports } from './doors.ts';
import type { Rates } from './rtp/bandwidth.ts';
import { SoundSender } from './rtp/sound-sender.ts';
import { VideoSender } from './rtp/video-sender.ts';
import { type MediaOffer, readOffer, WORD } from './sdp.ts';

export interface PeerOptions {
  readonly iceServers: readonly IceServer[];
  /** Of media, by UDP and TCP. */
  readonly udpPortRange: Ports | null;
  readonly iceTcp: boolean;
  /** Is loopback an address for media? */
  readonly loopback: boolean;
  readonly rates: Rates;
  /** Is there sound for those who want it? */
  readonly sound: boolean;
}

export type PeerState = 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed';

export interface PeerListener {
  state(state: PeerState): void;
  /** Null: there are no more. */
  candidate(candidate: { readonly line: string; readonly mid: string } | null): void;
  channel(channel: DataChannel): void;
}

/** The longest message either side takes. Bytes. */
export const MAX_MESSAGE = 262_144;
/** Of packets of data channels and DTLS, so that they fit ways with an MTU of 1280. Bytes. */
const MTU = 1200;
/** A viewer reports about once a second (RFC 3550); without a word for this long it is out of reach. Milliseconds. */
const SILENCE = { lookMs: 500, lostMs: 4000, failedMs: 15_000 } as const;
const LOOPBACKS = ['127.0.0.1', '::1'] as const;
/** Of local candidates besides those that are found: below host candidates by UDP (RFC 8445, RFC 6544). */
const PRIORITY = { loopback: 2_113_937_151, mended: 1_677_721_855, tcp: 1_509_957_375 } as const;
const STATES: ReadonlySet<string> = new Set(['connecting', 'connected', 'failed', 'closed']);

/** A candidate of this host, in its words. */
interface Host {
  readonly words: readonly string[];
  readonly mid: string;
}

/** One WebRTC connection, from its offer to its end: there is no second negotiation on it. */
export class Peer {
  readonly #options: PeerOptions;
  readonly #listener: PeerListener;
  readonly #peer: PeerConnection;
  #video: VideoSender | null = null;
  #sound: SoundSender | null = null;
  /** Kept, since one that is collected falls silent. */
  #tracks: Track[] = [];
  #doors: Doors | null = null;
  readonly #hosts: Host[] = [];
  /** Ports of doors that are open. */
  #open: { tcp: number | null; mended: number | null } = { tcp: null, mended: null };
  #relay: 'none' | 'known' | 'served' = 'none';
  #heardAt = 0;
  #watch: NodeJS.Timeout | null = null;
  #state: PeerState | 'new' = 'new';

  constructor(options: PeerOptions, listener: PeerListener) {
    this.#options = options;
    this.#listener = listener;
    const { udpPortRange: ports } = options;
    this.#peer = new datachannel.PeerConnection('desktop', {
      iceServers: options.iceServers.flatMap(nativeIceServers),
      disableAutoNegotiation: true,
      mtu: MTU,
      maxMessageSize: MAX_MESSAGE,
      ...(ports === null ? {} : { portRangeBegin: ports.min, portRangeEnd: ports.max }),
    });
    this.#peer.onStateChange((state) => {
      // That it is disconnected says the silence; this would say so of a connection that was closed.
      if (!STATES.has(state)) return;
      if (state === 'connected') this.#watchSilence();
      this.#become(state as PeerState);
    });
    this.#peer.onLocalCandidate((candidate, mid) => this.#found(candidate.replace(/^a=/, ''), mid));
    this.#peer.onGatheringStateChange((state) => {
      if (state === 'complete') listener.candidate(null);
    });
    this.#peer.onDataChannel((channel) => listener.channel(channel));
  }

  /** Takes frames once connected. */
  get video(): VideoSender | null {
    return this.#video;
  }

  /** The same; null: there is none, or the viewer takes none. */
  get sound(): SoundSender | null {
    return this.#sound;
  }

  /** Begins to answer; addresses follow as candidates, and stand in `description` too. Throws for what is no offer. */
  answer(sdp: string): void {
    const offer = readOffer(sdp, this.#options.sound);
    const { mid, payloadType, extensions, transportWide, playoutDelay } = offer;
    const ssrc = newSsrc();
    const media = new datachannel.Video(mid, 'SendOnly');
    media.addVP8Codec(payloadType);
    media.parseSdpLine(`a=rtcp-fb:${payloadType} transport-cc`);
    for (const { id, uri } of extensions) media.parseSdpLine(`a=extmap:${id} ${uri}`);
    media.addSSRC(ssrc, 'desktop', 'desktop', 'desktop');
    const send = this.#addTrack(media, (message) => video.receive(message));
    const shape = { ssrc, payloadType, transportWide, playoutDelay };
    const video = new VideoSender(shape, this.#options.rates, send);
    this.#video = video;
    if (offer.sound !== null) this.#sound = this.#addSound(offer.sound, video);
    this.#peer.setRemoteDescription(offer.sdp, 'offer');
    this.#peer.setLocalDescription('answer');
  }

  /** In a stream of its own: receivers hold a picture back until its sound has come. */
  #addSound({ mid, payloadType }: NonNullable<MediaOffer['sound']>, video: VideoSender): SoundSender {
    const ssrc = newSsrc();
    const media = new datachannel.Audio(mid, 'SendOnly');
    media.addOpusCodec(payloadType);
    media.addSSRC(ssrc, 'sound', 'sound', 'sound');
    const send = this.#addTrack(media, () => {});
    return new SoundSender({ ssrc, payloadType }, (packet) => {
      send(packet);
      video.besides(packet.length);
    });
  }

  /** Adds it to the answer, and returns what sends packets on it. */
  #addTrack(media: Video | Audio, onMessage: (message: Buffer) => void): (packet: Buffer) => void {
    const track = this.#peer.addTrack(media);
    this.#tracks.push(track);
    track.onMessage((message) => {
      this.heard();
      onMessage(message);
    });
    return (packet) => {
      try {
        if (this.#state !== 'closed' && track.isOpen()) track.sendMessageBinary(packet);
      } catch {
        // Closed by the other side in this moment, which is told next.
      }
    };
  }

  /** Something came, by whatever channel: the way is open. */
  heard(): void {
    this.#heardAt = performance.now();
    if (this.#state === 'disconnected' || this.#state === 'failed') this.#become('connected');
  }

  /** The answer with all addresses known so far; empty before there is one. */
  get description(): string {
    return this.#peer.localDescription()?.sdp ?? '';
  }

  /** What cannot be used (another address family, text that is none) is no fault. */
  add({ candidate, sdpMid }: IceCandidate): void {
    if (candidate.includes(' typ relay ') && this.#relay === 'none') {
      this.#relay = 'known';
      this.#serveRelay();
    }
    try {
      this.#peer.addRemoteCandidate(candidate, sdpMid ?? '0');
    } catch {
      // Its checks reach us all the same.
    }
  }

  /** Tells no listener. May be called again. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    if (this.#watch !== null) clearInterval(this.#watch);
    this.#video?.close();
    this.#tracks = [];
    this.#doors?.close();
    this.#peer.close();
  }

  #found(line: string, mid: string): void {
    if (this.#state === 'closed') return;
    const words = line.split(' ');
    if (words[WORD.type] === 'host' && this.#hosts.length === 0) this.#openDoors(Number(words[WORD.port]));
    this.#listener.candidate({ line, mid });
    if (words[WORD.type] !== 'host') return;
    if (this.#options.loopback && this.#hosts.length === 0) {
      for (const address of LOOPBACKS) {
        const loopback = words
          .with(WORD.address, address)
          .with(WORD.foundation, `candidate:l${address.length}`);
        this.#foundHost(loopback.with(WORD.priority, String(PRIORITY.loopback)), mid);
        this.#listener.candidate({ line: this.#hosts.at(-1)!.words.join(' '), mid });
      }
    }
    this.#foundHost(words, mid);
  }

  #foundHost(words: readonly string[], mid: string): void {
    this.#hosts.push({ words, mid });
    this.#tell('tcp', this.#hosts.slice(-1));
    this.#tell('mended', this.#hosts.slice(-1));
  }

  /** The way in by that door, at each of these addresses, if it is open. */
  #tell(door: 'tcp' | 'mended', hosts: readonly Host[]): void {
    const port = this.#open[door];
    if (port === null) return;
    for (const { words, mid } of hosts) {
      const way = words
        .with(WORD.foundation, `${words[WORD.foundation]}${door[0]}`)
        .with(WORD.priority, String(PRIORITY[door]))
        .with(WORD.port, String(port))
        .slice(0, WORD.type + 1);
      const line = door === 'tcp' ? [...way.with(WORD.protocol, 'tcp'), 'tcptype', 'passive'] : way;
      this.#listener.candidate({ line: line.join(' '), mid });
    }
  }

  #openDoors(port: number): void {
    const password = /^a=ice-pwd:(.*)$/m.exec(this.description)?.[1]?.trim();
    if (password === undefined) return;
    this.#doors = new Doors(port, password);
    if (this.#options.iceTcp) this.#openDoor('tcp', this.#doors.listen(this.#options.udpPortRange));
    this.#serveRelay();
  }

  /** Only the checks of a viewer's relays may need that door. */
  #serveRelay(): void {
    if (this.#doors === null || this.#relay !== 'known') return;
    this.#relay = 'served';
    this.#openDoor('mended', this.#doors.bind(this.#options.udpPortRange));
  }

  #openDoor(door: 'tcp' | 'mended', opened: Promise<number | null>): void {
    void opened.then((port) => {
      if (this.#state === 'closed') {
        this.#doors?.close();
        return;
      }
      this.#open[door] = port;
      this.#tell(door, this.#hosts);
    });
  }

  /** libdatachannel gives up after half a minute without answers to its checks, which is long for who is in control. */
  #watchSilence(): void {
    this.#heardAt = performance.now();
    this.#watch ??= setInterval(() => {
      const silentMs = performance.now() - this.#heardAt;
      if (silentMs > SILENCE.failedMs) this.#become('failed');
      else if (silentMs > SILENCE.lostMs) this.#become('disconnected');
    }, SILENCE.lookMs);
  }

  #become(state: PeerState): void {
    if (this.#state === 'closed' || state === this.#state) return;
    this.#state = state;
    this.#listener.state(state);
  }
}

/** RFC 3550 wants it random; 0 is nobody's. */
function newSsrc(): number {
  return 1 + Math.floor(Math.random() * 0xffff_fffe);
}

/** Those that the library can use: STUN, and TURN over UDP. */
function nativeIceServers({ urls, username, credential }: IceServer): NativeIceServer[] {
  return [urls].flat().flatMap((url) => {
    const [, scheme, hostname, port, transport] =
      /^(stun|turn):(\[[^\]]+\]|[^:?]+)(?::(\d+))?(?:\?transport=(\w+))?$/.exec(url) ?? [];
    if (hostname === undefined || (transport !== undefined && transport !== 'udp')) return [];
    const server = { hostname: hostname.replace(/^\[|\]$/g, ''), port: Number(port ?? 3478) };
    if (scheme === 'stun') return [server];
    return [{ ...server, username: username ?? '', password: credential ?? '', relayType: 'TurnUdp' }];
  });
}

/** Starts the library's threads, which otherwise the first viewer would wait for. */
export function warmUp(): void {
  datachannel.preload();
}
