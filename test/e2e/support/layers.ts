import type { Page } from 'puppeteer-core';

/** What a person sees of the desktop at one moment. */
export interface Seen {
  /** Of the right side of the guest's page; `none`: nothing is shown. */
  readonly colour: 'blue' | 'red' | 'other' | 'none';
  /** Which transport's picture is in front; `curtain`: the last one of the transport before. */
  readonly layer: 'webrtc' | 'novnc' | 'curtain' | 'none';
}

export interface Layers {
  now(): Promise<Seen>;
  until(what: string, holds: (seen: Seen) => boolean): Promise<void>;
  /** Frames of the page without a picture, since the first with one. */
  blanks(): Promise<number>;
  /** Milliseconds from the first offer of the page until noVNC's first picture. */
  sinceFirstOffer(): Promise<number>;
}

/** Looks at the viewer with each frame of the page; to be called before the page is opened. */
export async function watchLayers(page: Page): Promise<Layers> {
  await page.evaluateOnNewDocument(() => {
    const canvas = new OffscreenCanvas(1, 1);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const record = {
      seen: { colour: 'none', layer: 'none' },
      blanks: 0,
      began: false,
      offeredAt: 0,
      novncAt: 0,
    };
    Object.assign(globalThis, { record });
    const original = fetch;
    globalThis.fetch = (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      if (url.endsWith('/offer')) record.offeredAt ||= performance.now();
      return original(input, init);
    };
    const colourOf = (source: HTMLVideoElement | HTMLCanvasElement): string => {
      const [width, height] =
        source instanceof HTMLVideoElement
          ? [source.videoWidth, source.videoHeight]
          : [source.width, source.height];
      if (context === null || width === 0 || height === 0) return 'none';
      context.clearRect(0, 0, 1, 1);
      context.drawImage(source, width * 0.75, height * 0.4, 1, 1, 0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0, alpha = 0] = context.getImageData(0, 0, 1, 1).data;
      if (alpha === 0 || red + green + blue < 30) return 'none';
      if (Math.abs(red - 11) < 40 && Math.abs(blue - 153) < 40) return 'blue';
      if (Math.abs(red - 179) < 40 && Math.abs(blue - 30) < 40) return 'red';
      return 'other';
    };
    const look = () => {
      const root = document.querySelector('browser-vm-viewer')?.shadowRoot;
      const shown = (selector: string) => {
        const element = root?.querySelector<HTMLElement>(selector) ?? null;
        return element?.checkVisibility() === true ? element : null;
      };
      const layers = [
        ['curtain', shown('.curtain')],
        ['novnc', shown('.novnc canvas')],
        ['webrtc', shown('.video')],
      ] as const;
      const pictures = layers.map(([layer, element]) => ({
        layer,
        colour:
          element instanceof HTMLCanvasElement || element instanceof HTMLVideoElement
            ? colourOf(element)
            : 'none',
      }));
      record.seen = pictures.find(({ colour }) => colour !== 'none') ?? { layer: 'none', colour: 'none' };
      if (record.seen.colour !== 'none') record.began = true;
      else if (record.began && root !== undefined && root !== null) record.blanks += 1;
      if (record.seen.layer === 'novnc') record.novncAt ||= performance.now();
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  const read = <T>(expression: string): Promise<T> => page.evaluate(expression) as Promise<T>;
  const now = () => read<Seen>('record.seen');
  return {
    now,
    async until(what, holds) {
      const deadline = Date.now() + 60_000;
      for (;;) {
        const seen = await now();
        if (holds(seen)) return;
        if (Date.now() > deadline) throw new Error(`not ${what}: ${JSON.stringify(seen)}`);
        await read('new Promise(requestAnimationFrame)');
      }
    },
    blanks: () => read('record.blanks'),
    sinceFirstOffer: () => read('record.novncAt - record.offeredAt'),
  };
}
