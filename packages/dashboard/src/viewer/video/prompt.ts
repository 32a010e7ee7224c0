/** Chromium's own, and not in TypeScript's library. */
interface Breakout {
  readonly MediaStreamTrackProcessor?: new (init: {
    track: MediaStreamTrack;
    maxBufferSize: number;
  }) => { readonly readable: ReadableStream<unknown> };
  readonly MediaStreamTrackGenerator?: new (init: {
    kind: 'video';
  }) => MediaStreamTrack & { readonly writable: WritableStream<unknown> };
}

/**
 * The same stream, its frames shown as soon as they are decoded. Chromium holds the frames of a remote track
 * back to play them evenly, which suits films: a desktop's answers come 10 to 15 ms later for it. Frames of a
 * track made in the page are not held back. Where there is no such track: the stream itself.
 */
export function shownPromptly(stream: MediaStream): MediaStream {
  const { MediaStreamTrackProcessor, MediaStreamTrackGenerator } = globalThis as Breakout;
  const [track] = stream.getVideoTracks();
  if (
    track === undefined ||
    MediaStreamTrackProcessor === undefined ||
    MediaStreamTrackGenerator === undefined
  ) {
    return stream;
  }
  const prompt = new MediaStreamTrackGenerator({ kind: 'video' });
  const { readable } = new MediaStreamTrackProcessor({ track, maxBufferSize: 1 });
  // Ends with the connection, and the track made with it.
  readable.pipeTo(prompt.writable).catch(() => prompt.stop());
  return new MediaStream([prompt]);
}
