declare global {
  interface Window {
    /** Is enough of the middle of the desktop in that colour? Red, green, blue; 0 to 255. */
    middleShows(video: HTMLVideoElement, colour: readonly number[]): boolean;
  }
}

/**
 * Runs in a page, and gives it `middleShows`: what answers a press crosses the middle of the desktop, on the start page as
 * on the sign-in page. Must not use anything outside of itself.
 */
export function addMiddleShows(): void {
  const width = 80;
  const enough = 150;
  const tolerance = 56;
  let context: OffscreenCanvasRenderingContext2D | null = null;
  window.middleShows = (video, colour) => {
    const height = video.videoHeight;
    if (height === 0) return false;
    if (context?.canvas.height !== height)
      context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    if (context === null) throw new Error('no canvas');
    context.drawImage(video, (video.videoWidth - width) / 2, 0, width, height, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
      const off = colour.map((value, channel) => Math.abs((data[at + channel] ?? 0) - value));
      if (Math.max(...off) <= tolerance) count += 1;
    }
    return count >= enough;
  };
}
