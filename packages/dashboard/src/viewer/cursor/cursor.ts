import type { DesktopMessage } from '@browser-vm/protocol';

type CursorShape = Extract<DesktopMessage, { type: 'cursor' }>;

/** Browsers ignore larger cursors. Pixels a side. */
const MAX_SIDE = 128;
/** Where the guest shows no cursor, a dot keeps the person oriented. Pixels a side. */
const DOT = 5;

/** The guest's cursor as a value of CSS `cursor`; `default` when it cannot be one. */
export function cursorStyle(shape: CursorShape): string {
  const { width, height } = shape;
  if (width > MAX_SIDE || height > MAX_SIDE) return 'default';
  const pixels = decode(shape.rgba);
  if (pixels.length !== width * height * 4) return 'default';
  const visible = pixels.some((value, index) => index % 4 === 3 && value > 0);
  if (!visible) return imageCursor(dot(), Math.floor(DOT / 2), Math.floor(DOT / 2));
  const x = Math.min(shape.hotspotX, width - 1);
  const y = Math.min(shape.hotspotY, height - 1);
  return imageCursor(new ImageData(pixels, width, height), x, y);
}

function imageCursor(image: ImageData, x: number, y: number): string {
  const canvas = document.createElement('canvas');
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return `url(${canvas.toDataURL()}) ${x} ${y}, default`;
}

function dot(): ImageData {
  const image = new ImageData(DOT, DOT);
  for (let index = 0; index < DOT * DOT; index++) {
    const x = index % DOT;
    const y = Math.floor(index / DOT);
    const edge = x === 0 || y === 0 || x === DOT - 1 || y === DOT - 1;
    image.data.set(edge ? [255, 255, 255, 255] : [0, 0, 0, 255], index * 4);
  }
  return image;
}

function decode(base64: string): Uint8ClampedArray<ArrayBuffer> {
  const binary = atob(base64);
  const bytes = new Uint8ClampedArray(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
