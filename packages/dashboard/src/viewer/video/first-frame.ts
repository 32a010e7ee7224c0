/** Has a frame been presented since the video got its source? */
export function hasPicture(video: HTMLVideoElement): boolean {
  return video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
}

/**
 * Calls `listener` when the video has presented a decoded frame; the returned function stops waiting.
 * Where `requestVideoFrameCallback` is missing, the first painted data counts.
 */
export function onFirstVideoFrame(video: HTMLVideoElement, listener: () => void): () => void {
  if ('requestVideoFrameCallback' in video) {
    const handle = video.requestVideoFrameCallback(() => listener());
    return () => video.cancelVideoFrameCallback(handle);
  }
  const target: HTMLElement = video;
  target.addEventListener('loadeddata', listener, { once: true });
  return () => target.removeEventListener('loadeddata', listener);
}

/** Pixels a side of the picture that is looked at; enough to tell a desktop from nothing. */
const SAMPLE = { width: 32, height: 18 };

/** Calls `listener` when something has been painted on the canvas; the returned function stops waiting. */
export function onFirstCanvasPaint(canvas: () => HTMLCanvasElement | null, listener: () => void): () => void {
  const sample = new OffscreenCanvas(SAMPLE.width, SAMPLE.height);
  const context = sample.getContext('2d', { willReadFrequently: true });
  let handle = 0;
  const look = () => {
    const source = canvas();
    if (context !== null && source !== null && source.width > 0 && source.height > 0) {
      context.drawImage(source, 0, 0, SAMPLE.width, SAMPLE.height);
      const { data } = context.getImageData(0, 0, SAMPLE.width, SAMPLE.height);
      if (data.some((value, index) => index % 4 !== 3 && value > 0)) return listener();
    }
    handle = requestAnimationFrame(look);
  };
  handle = requestAnimationFrame(look);
  return () => cancelAnimationFrame(handle);
}
