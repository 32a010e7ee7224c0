export { VideoFeed } from './encode/feed.ts';
export type { InputTarget, PictureSource, PictureSourceEvents } from './picture-source.ts';
export { RfbSource } from './rfb/source.ts';
export { Streamer } from './streamer.ts';
