import { DESKTOP_MAX_AREA, DESKTOP_SIDE } from '@browser-vm/protocol';
import type { Size } from '../input/geometry.ts';

/**
 * Pixels of the desktop for one CSS pixel of the viewer, at most: the guest's browser does not scale its pages with
 * the density of this screen, so beyond this its text becomes too small to read.
 */
export const MAX_DENSITY = 1.5;

/** The size a desktop should have to fill `box` (CSS pixels) sharply; null while there is nothing to fill. */
export function wantedSize(box: Size, pixelRatio: number, maxDensity = MAX_DENSITY): Size | null {
  if (box.width < 1 || box.height < 1) return null;
  const density = Math.min(Math.max(pixelRatio, 1), maxDensity);
  const width = box.width * density;
  const height = box.height * density;
  // Within the bounds in the box's own shape, as far as they allow it.
  const grow = Math.max(1, DESKTOP_SIDE.min / Math.min(width, height));
  const shrink = Math.min(
    1,
    DESKTOP_SIDE.max / Math.max(width * grow, height * grow),
    Math.sqrt(DESKTOP_MAX_AREA / (width * grow * height * grow)),
  );
  const side = (length: number) => {
    const even = Math.floor((length * grow * shrink) / 2) * 2;
    return Math.min(DESKTOP_SIDE.max, Math.max(DESKTOP_SIDE.min, even));
  };
  return { width: side(width), height: side(height) };
}
