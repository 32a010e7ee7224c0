import {
  answerSchema,
  candidateRequestSchema,
  faultSchema,
  type IceCandidate,
  type IceServer,
  iceServersResponseSchema,
} from '@browser-vm/protocol';
import type { Signaling } from './signaling.ts';
import { ViewerError } from './viewer-error.ts';

export interface HttpSignalingOptions {
  readonly sessionId: string;
  /** Where `candidate` events arrive: the session's event stream. */
  readonly events: Pick<EventTarget, 'addEventListener' | 'removeEventListener'>;
  /** Origin of the controller; default the page's own. */
  readonly origin?: string;
}

/** Signaling over the controller's HTTP API; authenticated by the cookie of the controller's origin. */
export class HttpSignaling implements Signaling {
  readonly #options: HttpSignalingOptions;

  constructor(options: HttpSignalingOptions) {
    this.#options = options;
  }

  async iceServers(signal: AbortSignal): Promise<readonly IceServer[]> {
    const path = `/api/webrtc/ice-servers?sessionId=${this.#options.sessionId}`;
    return iceServersResponseSchema.parse(await this.#request('GET', path, undefined, signal)).iceServers;
  }

  async offer(viewerId: string, sdp: string, signal: AbortSignal): Promise<string> {
    return answerSchema.parse(await this.#request('POST', this.#path('offer'), { viewerId, sdp }, signal)).sdp;
  }

  async sendCandidate(viewerId: string, candidate: IceCandidate, signal: AbortSignal): Promise<void> {
    await this.#request('POST', this.#path('candidates'), { viewerId, candidate }, signal);
  }

  onCandidate(viewerId: string, listener: (candidate: IceCandidate) => void): () => void {
    const handler = (event: Event) => {
      const message = candidateRequestSchema.safeParse(JSON.parse((event as MessageEvent<string>).data));
      if (message.success && message.data.viewerId === viewerId) listener(message.data.candidate);
    };
    this.#options.events.addEventListener('candidate', handler);
    return () => this.#options.events.removeEventListener('candidate', handler);
  }

  async reportFirstFrame(): Promise<void> {
    const path = `/api/auth/session/${this.#options.sessionId}/viewer-report`;
    await this.#request('POST', path, { stage: 'first_frame' });
  }

  vncUrl(): string {
    const url = new URL(`/api/vnc/session/${this.#options.sessionId}`, this.#origin());
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
  }

  #path(what: string): string {
    return `/api/webrtc/session/${this.#options.sessionId}/${what}`;
  }

  #origin(): string {
    return this.#options.origin ?? location.origin;
  }

  async #request(method: 'GET' | 'POST', path: string, body?: object, signal?: AbortSignal): Promise<unknown> {
    const response = await fetch(new URL(path, this.#origin()), {
      method,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      ...(signal === undefined ? {} : { signal }),
    });
    const answer: unknown = response.status === 204 ? null : await response.json().catch(() => null);
    if (response.ok) return answer;
    const fault = faultSchema.safeParse(answer);
    throw new ViewerError(
      fault.success
        ? fault.data
        : { code: 'http_error', message: `The controller answered ${response.status} to ${path}`, hop: 'request' },
    );
  }
}
