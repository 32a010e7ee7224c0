import type { PLACES } from './desktop-page.ts';

type Places = typeof PLACES;

/** What a receiver of WebRTC counted so far. Seconds are totals over all frames. */
export interface ReceiverCounts {
  readonly frames: number;
  readonly dropped: number;
  readonly lost: number;
  readonly freezes: number;
  readonly freezeSeconds: number;
  readonly bufferSeconds: number;
  readonly buffered: number;
  readonly decodeSeconds: number;
  readonly processingSeconds: number;
  readonly qp: number;
}

export interface Movement {
  /** Different pictures seen. */
  readonly frames: number;
  /** The longest time between two of them. */
  readonly longestGapMs: number;
  readonly elapsedMs: number;
  /** Every size the picture had. */
  readonly sizes: readonly string[];
}

declare global {
  interface Window {
    latencyProbe: {
      /** Opens our viewer in place of everything else; resolves with the time to its first picture. */
      open(sessionId: string, transport: 'webrtc' | 'novnc'): Promise<number>;
      close(): void;
      /** The next pressed mouse button is timed. */
      arm(): void;
      /** Milliseconds from the button to the first frame with the other side of light and dark; null: none. */
      answer(limitMs: number): Promise<number | null>;
      /** Counts pictures for that long. */
      watch(durationMs: number): Promise<Movement>;
      /** Light of each pixel, 0 to 255, as base64. */
      picture(): string;
      counts(): Promise<ReceiverCounts | null>;
    };
  }
}

/** Runs in the viewer's page before any script of it. Must not use anything outside of itself. */
export function probe(places: Places): void {
  let peer: RTCPeerConnection | null = null;
  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      peer = this;
    }
  };

  type Source = HTMLVideoElement | HTMLCanvasElement;
  interface ViewerElement extends HTMLElement {
    readonly viewer: {
      on(name: 'first-frame', listener: (detail: { elapsedMs: number }) => void): void;
    } | null;
  }
  let element: ViewerElement | null = null;
  let transport: 'webrtc' | 'novnc' = 'webrtc';
  const source = (): Source => {
    const found = element?.shadowRoot?.querySelector<Source>(transport === 'webrtc' ? 'video' : 'canvas');
    if (!found) throw new Error('the viewer shows nothing');
    return found;
  };
  /** Calls `look` with each frame until it returns true; like a person, it sees the last frame presented. */
  const eachFrame = (look: () => boolean): void => {
    const shown = source();
    const next = () => {
      if (look()) return;
      if ('requestVideoFrameCallback' in shown) shown.requestVideoFrameCallback(next);
      else requestAnimationFrame(next);
    };
    if ('requestVideoFrameCallback' in shown) shown.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
  };
  const context = new OffscreenCanvas(64, 64).getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('no canvas');
  const sample = ({ x, y, width, height }: Places['side' | 'moving']) => {
    context.drawImage(source(), x, y, width, height, 0, 0, width, height);
    return context.getImageData(0, 0, width, height).data;
  };
  const isLight = () => {
    const data = sample(places.side);
    let sum = 0;
    for (let at = 0; at < data.length; at += 4) sum += data[at + 1] ?? 0;
    return sum / (data.length / 4) > 128;
  };

  let timed: Promise<number> = Promise.resolve(0);
  window.latencyProbe = {
    open(sessionId, by) {
      transport = by;
      element = document.createElement('browser-vm-viewer') as ViewerElement;
      element.setAttribute('session', sessionId);
      element.setAttribute('transport', by);
      element.style.cssText = 'position:fixed;inset:0;width:1280px;height:720px';
      document.body.replaceChildren(element);
      return new Promise((resolve) => {
        element?.viewer?.on('first-frame', ({ elapsedMs }) => resolve(elapsedMs));
      });
    },
    close() {
      element?.remove();
      element = null;
      peer = null;
    },
    arm() {
      timed = new Promise((resolve) => {
        const pressed = (event: Event) => {
          const before = isLight();
          eachFrame(() => {
            const now = performance.now();
            if (isLight() === before) return false;
            resolve(now - event.timeStamp);
            return true;
          });
        };
        window.addEventListener('pointerdown', pressed, { capture: true, once: true });
      });
    },
    answer(limitMs) {
      const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), limitMs));
      return Promise.race([timed, late]);
    },
    watch(durationMs) {
      const begun = performance.now();
      let last = begun;
      let frames = 0;
      let longestGapMs = 0;
      let before = '';
      const sizes = new Set<string>();
      return new Promise((resolve) => {
        eachFrame(() => {
          const now = performance.now();
          const shown = source();
          sizes.add(
            'videoWidth' in shown
              ? `${shown.videoWidth}x${shown.videoHeight}`
              : `${shown.width}x${shown.height}`,
          );
          const looks = sample(places.moving).join();
          if (looks !== before) {
            before = looks;
            frames += 1;
            longestGapMs = Math.max(longestGapMs, now - last);
            last = now;
          }
          return now - begun >= durationMs;
        });
        setTimeout(() => {
          const now = performance.now();
          longestGapMs = Math.max(longestGapMs, now - last);
          resolve({ frames, longestGapMs, elapsedMs: now - begun, sizes: [...sizes] });
        }, durationMs);
      });
    },
    picture() {
      const whole = new OffscreenCanvas(1280, 720).getContext('2d');
      if (whole === null) return '';
      whole.drawImage(source(), 0, 0, 1280, 720);
      const { data } = whole.getImageData(0, 0, 1280, 720);
      let text = '';
      for (let at = 0; at < data.length; at += 4) {
        const [red = 0, green = 0, blue = 0] = data.subarray(at, at + 3);
        text += String.fromCharCode(Math.round(0.299 * red + 0.587 * green + 0.114 * blue));
      }
      return btoa(text);
    },
    async counts() {
      for (const entry of (await peer?.getStats())?.values() ?? []) {
        if (entry.type !== 'inbound-rtp' || entry.kind !== 'video') continue;
        return {
          frames: entry.framesDecoded,
          dropped: entry.framesDropped,
          lost: entry.packetsLost,
          freezes: entry.freezeCount,
          freezeSeconds: entry.totalFreezesDuration,
          bufferSeconds: entry.jitterBufferDelay,
          buffered: entry.jitterBufferEmittedCount,
          decodeSeconds: entry.totalDecodeTime,
          processingSeconds: entry.totalProcessingDelay,
          qp: entry.qpSum,
        };
      }
      return null;
    },
  };
}
