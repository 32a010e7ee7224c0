import { createRequire } from 'node:module';

/**
 * `@roamhq/wrtc` as far as we use it. Its own types are those of a browser's global scope, which
 * server code does not have.
 */
export interface DataChannel {
  readonly label: string;
  readonly readyState: 'connecting' | 'open' | 'closing' | 'closed';
  readonly bufferedAmount: number;
  onopen: (() => void) | null;
  onclose: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  send(text: string): void;
  close(): void;
}

export interface MediaTrack {
  stop(): void;
}

export interface CandidateInit {
  readonly candidate: string;
  readonly sdpMid: string | null;
  readonly sdpMLineIndex: number | null;
  readonly usernameFragment?: string | null;
}

export interface Description {
  readonly type: 'offer' | 'answer';
  readonly sdp: string;
}

export interface PeerConfiguration {
  readonly iceServers: readonly { urls: string | string[]; username?: string; credential?: string }[];
  readonly bundlePolicy: 'max-bundle';
  /** Not in the standard: the UDP ports to take host candidates from. */
  readonly portRange?: { readonly min: number; readonly max: number };
}

export interface PeerConnection {
  readonly connectionState: 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed';
  readonly localDescription: Description | null;
  readonly sctp: { readonly maxMessageSize: number } | null;
  onconnectionstatechange: (() => void) | null;
  onicecandidate: ((event: { readonly candidate: CandidateInit | null }) => void) | null;
  ondatachannel: ((event: { readonly channel: DataChannel }) => void) | null;
  addTrack(track: MediaTrack): unknown;
  setRemoteDescription(description: Description): Promise<void>;
  setLocalDescription(description: Description): Promise<void>;
  createAnswer(): Promise<Description>;
  addIceCandidate(candidate: CandidateInit): Promise<void>;
  getStats(): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>>;
  close(): void;
}

export interface VideoSource {
  createTrack(): MediaTrack;
  /** Copies the frame. */
  onFrame(frame: { readonly width: number; readonly height: number; readonly data: Uint8Array }): void;
}

interface Wrtc {
  readonly RTCPeerConnection: new (configuration: PeerConfiguration) => PeerConnection;
  readonly nonstandard: {
    readonly RTCVideoSource: new (init: { isScreencast: boolean; needsDenoising: boolean }) => VideoSource;
  };
}

const wrtc = createRequire(import.meta.url)('@roamhq/wrtc') as Wrtc;

export const { RTCPeerConnection } = wrtc;
export const { RTCVideoSource } = wrtc.nonstandard;

/** Starts libwebrtc's threads, which otherwise the first viewer would wait for. */
export function warmUp(): void {
  new RTCPeerConnection({ iceServers: [], bundlePolicy: 'max-bundle' }).close();
}
