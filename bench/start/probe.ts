/** What a page saw of one start, in milliseconds of Unix time; null until it happened. */
export interface Seen {
  /** `POST /api/auth/start` left. */
  readonly posted: number | null;
  readonly sessionId: string | null;
  /** The host would not have it. */
  readonly refused: number | null;
  /** The viewer's offer left. */
  readonly offered: number | null;
  /** The first decoded frame was handed to the compositor: that of the stand-in, or of the VM. */
  readonly firstFrame: number | null;
  /** The first frame after the streamer had said that its picture is the running VM's. */
  readonly livePicture: number | null;
  /** The mouse button went down, the picture being live. */
  readonly pressed: number | null;
  /** The first frame in which the guest's page shows that the button is down. */
  readonly answered: number | null;
  /** The first frame in which the identity provider's page is painted. */
  readonly signInPage: number | null;
}

/** Red, green and blue. */
export interface ProbeOptions {
  readonly pressedColour: readonly number[];
  /** That only the sign-in page has. */
  readonly signInColour: readonly number[];
}

declare global {
  interface Window {
    browserVmProbe: {
      readonly seen: Seen;
      /** Resolves when one of the events was seen. */
      until(events: ReadonlyArray<keyof Seen>): Promise<void>;
      /** From now on frames are looked at for the sign-in page, which costs what else is measured. */
      lookForSignInPage(): void;
    };
  }
}

/**
 * Runs in the dashboard's page before any script of it, and notes what passes: nothing of the dashboard is
 * changed for it. After `addMiddleShows`; must not use anything else outside of itself.
 */
export function probe({ pressedColour, signInColour }: ProbeOptions): void {
  const seen: { -readonly [Key in keyof Seen]: Seen[Key] } = {
    posted: null,
    sessionId: null,
    refused: null,
    offered: null,
    firstFrame: null,
    livePicture: null,
    pressed: null,
    answered: null,
    signInPage: null,
  };
  const waiting = new Map<keyof Seen, Array<() => void>>();
  const now = () => performance.timeOrigin + performance.now();
  const note = (what: Exclude<keyof Seen, 'sessionId'>) => {
    if (seen[what] !== null) return;
    seen[what] = now();
    for (const resolve of waiting.get(what) ?? []) resolve();
  };
  let looksForSignInPage = false;
  window.browserVmProbe = {
    seen,
    lookForSignInPage: () => {
      looksForSignInPage = true;
    },
    until: (events) =>
      new Promise((resolve) => {
        if (events.some((what) => seen[what] !== null)) resolve();
        else for (const what of events) waiting.set(what, [...(waiting.get(what) ?? []), resolve]);
      }),
  };

  const { fetch } = window;
  window.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { pathname } = new URL(request.url);
    if (request.method === 'POST' && pathname.endsWith('/offer')) note('offered');
    if (request.method !== 'POST' || pathname !== '/api/auth/start') return fetch(request);
    note('posted');
    const response = await fetch(request);
    const body = (await response.clone().json()) as { sessionId?: string };
    seen.sessionId = body.sessionId ?? null;
    if (!response.ok) note('refused');
    return response;
  };

  const pressed = () => {
    if (seen.livePicture !== null) note('pressed');
  };
  window.addEventListener('pointerdown', pressed, { capture: true });

  let live = false;
  const { createDataChannel } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.createDataChannel = function (label, init) {
    const channel = createDataChannel.call(this, label, init);
    if (label !== 'desktop') return channel;
    channel.addEventListener('message', ({ data }) => {
      const message = JSON.parse(data) as { type: string; live?: boolean };
      if (message.type === 'source') live = message.live ?? false;
    });
    return channel;
  };

  const watched = new WeakSet<HTMLVideoElement>();
  const watch = (video: HTMLVideoElement, wait: HTMLVideoElement['requestVideoFrameCallback']) => {
    const frame = () => {
      note('firstFrame');
      if (live) note('livePicture');
      if (seen.pressed !== null && seen.answered === null && window.middleShows(video, pressedColour))
        note('answered');
      if (looksForSignInPage && window.middleShows(video, signInColour)) note('signInPage');
      if (seen.answered === null && seen.signInPage === null) wait.call(video, frame);
    };
    wait.call(video, frame);
  };
  const { requestVideoFrameCallback } = HTMLVideoElement.prototype;
  HTMLVideoElement.prototype.requestVideoFrameCallback = function (callback) {
    if (!watched.has(this)) {
      watched.add(this);
      watch(this, requestVideoFrameCallback);
    }
    return requestVideoFrameCallback.call(this, callback);
  };
}
