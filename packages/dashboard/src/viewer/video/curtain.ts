import { hasPicture } from './first-frame.ts';

/** The last picture of one transport, in front of the next until that has one of its own. */
export class Curtain {
  readonly #canvas: HTMLCanvasElement;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
  }

  /** Keeps what `source` shows now; nothing, when that is nothing and nothing is kept. */
  hold(source: HTMLVideoElement | HTMLCanvasElement | null): void {
    if (source === null) return;
    const { width, height } = sizeOf(source);
    const context = this.#canvas.getContext('2d');
    if (width === 0 || height === 0 || context === null) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    context.drawImage(source, 0, 0);
    this.#canvas.hidden = false;
  }

  lift(): void {
    this.#canvas.hidden = true;
    this.#canvas.width = 0;
  }
}

function sizeOf(source: HTMLVideoElement | HTMLCanvasElement): { width: number; height: number } {
  if (source instanceof HTMLCanvasElement) return source;
  // Without data there is a size, and no picture.
  return hasPicture(source)
    ? { width: source.videoWidth, height: source.videoHeight }
    : { width: 0, height: 0 };
}
