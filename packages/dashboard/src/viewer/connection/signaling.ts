import type { IceCandidate, IceServer, SessionWait } from '@browser-vm/protocol';

/** What a viewer needs from the controller. Every method rejects with a `ViewerError`. */
export interface Signaling {
  iceServers(signal: AbortSignal): Promise<readonly IceServer[]>;
  /** Resolves with the answer's SDP. */
  offer(viewerId: string, sdp: string, signal: AbortSignal): Promise<string>;
  sendCandidate(viewerId: string, candidate: IceCandidate, signal: AbortSignal): Promise<void>;
  /** Candidates of the streamer for this viewer, as they come; the returned function stops that. */
  onCandidate(viewerId: string, listener: (candidate: IceCandidate) => void): () => void;
  /**
   * Calls the listener when the way to the controller broke without a word, so that what else goes that way has to be made
   * anew; the returned function stops that. Absent: nobody notices.
   */
  onWayLost?(listener: () => void): () => void;
  /**
   * Calls the listener with the session's place while it waits to start, and with null when there is something to connect to;
   * the returned function stops that. Absent: it never waits.
   */
  onWait?(listener: (wait: SessionWait | null) => void): () => void;
  /** Tells the controller what only the viewer can see. */
  reportFirstFrame(): Promise<void>;
  /** The picture is the running VM's from now on. Absent: nobody wants to know. */
  reportLivePicture?(): Promise<void>;
  /**
   * Calls the listener whenever an image was copied in the guest, or there is none any more; the returned function stops
   * that. Absent: nobody knows before asking.
   */
  onImageCopied?(listener: (hasImage: boolean) => void): () => void;
  /** The PNG on the guest's clipboard; null where it has no image. Absent: images are not copied. */
  clipboardImage?(): Promise<Blob | null>;
  /** Puts a PNG on the guest's clipboard. */
  setClipboardImage?(png: Blob): Promise<void>;
  /** WebSocket address of the noVNC gateway. */
  vncUrl(): string;
}
