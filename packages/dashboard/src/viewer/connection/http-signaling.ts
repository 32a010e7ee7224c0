import {
  answerSchema,
  CLIPBOARD_IMAGE,
  type IceCandidate,
  type IceServer,
  iceServersResponseSchema,
  type SessionWait,
  sessionClipboardSchema,
  sessionPlaceSchema,
  type ViewerReport,
  viewerCandidateSchema,
} from '@browser-vm/protocol';
import createClient, { type Client } from 'openapi-fetch';
import type { paths } from '../../generated/openapi.d.ts';
import { accepted } from './accepted.ts';
import { WAY_LOST } from './session-events.ts';
import type { Signaling } from './signaling.ts';

type EventSourceLike = Pick<EventTarget, 'addEventListener' | 'removeEventListener'>;

export interface HttpSignalingOptions {
  readonly sessionId: string;
  /** Where `candidate`, `wait` and `clipboard` events arrive: the session's event stream; and `WAY_LOST`. */
  readonly events: EventSourceLike;
  /** Origin of the controller; default the page's own. */
  readonly origin?: string;
}

/** How long servers asked for ahead are good: some of them hand out credentials that end. Milliseconds. */
const EARLY_MS = 10_000;
let askedEarly: {
  readonly origin: string;
  readonly at: number;
  readonly servers: Promise<readonly IceServer[]>;
} | null = null;

/** Asks for the servers that the next connection will need, while its session is still being made. */
export function askForIceServersEarly(origin = location.origin): void {
  const client = createClient<paths>({ baseUrl: origin, credentials: 'same-origin' });
  const servers = askForIceServers(client);
  servers.catch(() => {});
  askedEarly = { origin, at: performance.now(), servers };
}

async function askForIceServers(client: Client<paths>, signal?: AbortSignal): Promise<readonly IceServer[]> {
  const answer = await client.GET('/api/webrtc/ice-servers', signal === undefined ? {} : { signal });
  return iceServersResponseSchema.parse(accepted(answer)).iceServers;
}

/** Signaling over the controller's HTTP API; authenticated by the cookie of the controller's origin. */
export class HttpSignaling implements Signaling {
  readonly #events: EventSourceLike;
  readonly #origin: string;
  readonly #client: Client<paths>;
  readonly #inSession: { readonly path: { readonly id: string } };

  constructor({ sessionId, events, origin = location.origin }: HttpSignalingOptions) {
    this.#events = events;
    this.#origin = origin;
    this.#client = createClient<paths>({ baseUrl: origin, credentials: 'same-origin' });
    this.#inSession = { path: { id: sessionId } };
  }

  async iceServers(signal: AbortSignal): Promise<readonly IceServer[]> {
    const early = askedEarly;
    askedEarly = null;
    if (early !== null && early.origin === this.#origin && performance.now() - early.at < EARLY_MS) {
      const servers = await early.servers.catch(() => null);
      if (servers !== null) return servers;
    }
    return askForIceServers(this.#client, signal);
  }

  async offer(viewerId: string, sdp: string, signal: AbortSignal): Promise<string> {
    const body = { viewerId, sdp };
    const path = '/api/webrtc/session/{id}/offer';
    return answerSchema.parse(
      accepted(await this.#client.POST(path, { params: this.#inSession, body, signal })),
    ).sdp;
  }

  async sendCandidate(viewerId: string, candidate: IceCandidate, signal: AbortSignal): Promise<void> {
    const body = { viewerId, candidate };
    const path = '/api/webrtc/session/{id}/candidates';
    accepted(await this.#client.POST(path, { params: this.#inSession, body, signal }));
  }

  onCandidate(viewerId: string, listener: (candidate: IceCandidate) => void): () => void {
    const handler = (event: Event) => {
      const message = viewerCandidateSchema.safeParse(JSON.parse((event as MessageEvent<string>).data));
      if (message.success && message.data.viewerId === viewerId) listener(message.data.candidate);
    };
    this.#events.addEventListener('candidate', handler);
    return () => this.#events.removeEventListener('candidate', handler);
  }

  onWait(listener: (wait: SessionWait | null) => void): () => void {
    const handler = (event: Event) => {
      const place = sessionPlaceSchema.safeParse(JSON.parse((event as MessageEvent<string>).data));
      if (place.success) listener(place.data.wait);
    };
    this.#events.addEventListener('wait', handler);
    return () => this.#events.removeEventListener('wait', handler);
  }

  onImageCopied(listener: (hasImage: boolean) => void): () => void {
    const handler = (event: Event) => {
      const clipboard = sessionClipboardSchema.safeParse(JSON.parse((event as MessageEvent<string>).data));
      if (clipboard.success) listener(clipboard.data.hasImage);
    };
    this.#events.addEventListener('clipboard', handler);
    return () => this.#events.removeEventListener('clipboard', handler);
  }

  onWayLost(listener: () => void): () => void {
    this.#events.addEventListener(WAY_LOST, listener);
    return () => this.#events.removeEventListener(WAY_LOST, listener);
  }

  reportFirstFrame(): Promise<void> {
    return this.#report('first_frame');
  }

  reportLivePicture(): Promise<void> {
    return this.#report('live_picture');
  }

  async #report(stage: ViewerReport['stage']): Promise<void> {
    const body = { stage };
    accepted(
      await this.#client.POST('/api/auth/session/{id}/viewer-report', { params: this.#inSession, body }),
    );
  }

  async clipboardImage(): Promise<Blob | null> {
    const path = '/api/auth/session/{id}/clipboard/image';
    const answer = await this.#client.GET(path, { params: this.#inSession, parseAs: 'blob' });
    const image = accepted(answer);
    return image instanceof Blob && image.size > 0 ? image : null;
  }

  async setClipboardImage(png: Blob): Promise<void> {
    accepted(
      await this.#client.PUT('/api/auth/session/{id}/clipboard/image', {
        params: this.#inSession,
        headers: { 'content-type': CLIPBOARD_IMAGE.type },
        body: '',
        bodySerializer: () => png,
      }),
    );
  }

  vncUrl(): string {
    const url = new URL(`/api/vnc/session/${this.#inSession.path.id}`, this.#origin);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
  }
}
