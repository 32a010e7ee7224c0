/** What a server may ask of us at most; beyond it the connection is closed. Pixels or bytes. */
export const LIMITS = {
  /** Pixels per side; 4096 x 4096 x 4 bytes is 64 MiB of framebuffer. */
  side: 4096,
  /** Pixels per side of a cursor. */
  cursorSide: 256,
  /** Bytes of a desktop name or a refusal's reason. */
  text: 4096,
  /** Bytes of clipboard text, compressed or not. */
  clipboard: 1_048_576,
  /** Rectangles in one update; with LastRect the count is open, so it is counted. */
  rectangles: 16_384,
  /** Screens in an ExtendedDesktopSize rectangle. */
  screens: 16,
  /** Bytes of a fence's payload (the protocol's own bound). */
  fence: 64,
  /** Bytes waiting for a server that does not read. */
  backlog: 4 * 1_048_576,
} as const;
