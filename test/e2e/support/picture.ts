import type { Page } from 'playwright-core';

/** A place in the page, in CSS pixels; `scale` of them are one pixel of the desktop. */
export interface Place {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export interface Colour {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
}

/** Lossy video shifts colours; this far a channel may be off. */
const TOLERANCE = 28;

/**
 * Counts the distinct colours of what the viewer shows now, and finds the middle of the pixels that have
 * one colour. `selector` names a video or a canvas. Null: nothing is decoded yet.
 */
export async function look(
  page: Page,
  selector: string,
  colour?: Colour,
): Promise<{ width: number; height: number; distinct: number; place: Place | null } | null> {
  return page.evaluate(
    ({ selector, colour, tolerance }) => {
      const find = (root: Document | ShadowRoot): Element | null => {
        const direct = root.querySelector(selector);
        if (direct) return direct;
        for (const element of root.querySelectorAll('*')) {
          const inner = element.shadowRoot && find(element.shadowRoot);
          if (inner) return inner;
        }
        return null;
      };
      const source = find(document) as HTMLVideoElement | HTMLCanvasElement | null;
      if (!source) return null;
      const width = 'videoWidth' in source ? source.videoWidth : source.width;
      const height = 'videoHeight' in source ? source.videoHeight : source.height;
      if (width === 0 || height === 0) return null;
      const canvas = new OffscreenCanvas(width, height);
      const context = canvas.getContext('2d', { willReadFrequently: true });
      if (!context) return null;
      context.drawImage(source, 0, 0);
      const pixels = context.getImageData(0, 0, width, height).data;
      const seen = new Set<number>();
      let count = 0;
      let sumX = 0;
      let sumY = 0;
      for (let index = 0; index < pixels.length; index += 4) {
        const red = pixels[index] ?? 0;
        const green = pixels[index + 1] ?? 0;
        const blue = pixels[index + 2] ?? 0;
        seen.add(((red >> 4) << 8) | ((green >> 4) << 4) | (blue >> 4));
        if (!colour) continue;
        const off = Math.max(
          Math.abs(red - colour.red),
          Math.abs(green - colour.green),
          Math.abs(blue - colour.blue),
        );
        if (off > tolerance) continue;
        count += 1;
        sumX += (index / 4) % width;
        sumY += Math.floor(index / 4 / width);
      }
      const box = source.getBoundingClientRect();
      const place =
        count < 400
          ? null
          : {
              scale: box.width / width,
              x: box.x + ((sumX / count + 0.5) * box.width) / width,
              y: box.y + ((sumY / count + 0.5) * box.height) / height,
            };
      return { width, height, distinct: seen.size, place };
    },
    { selector, colour, tolerance: TOLERANCE },
  );
}

/** Waits until the viewer shows enough of a colour, and says where. */
export async function waitForColour(
  page: Page,
  selector: string,
  colour: Colour,
  limitMs: number,
): Promise<Place> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const seen = await look(page, selector, colour);
    if (seen?.place) return seen.place;
    if (Date.now() > deadline) {
      throw new Error(`the viewer never showed the colour; last seen: ${JSON.stringify(seen)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
