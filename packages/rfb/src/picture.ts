/** A still copy of a desktop. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** BGRX, 4 bytes a pixel, rows without padding. */
  readonly pixels: Buffer;
}

export interface BlankOptions {
  /** Fewer distinct colours than this are no page. Rendered text alone has dozens of shades. */
  readonly minColours?: number;
  /** Fewer pixels than this that differ from the commonest colour are no page. */
  readonly minInk?: number;
}

/** Is nothing painted: one colour, a pattern of few, or too little besides the background? */
export function isBlank(picture: Picture, options: BlankOptions = {}): boolean {
  const { minColours = 12, minInk = 256 } = options;
  const counts = new Map<number, number>();
  const { pixels } = picture;
  let commonest = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    const colour = pixels[at]! | (pixels[at + 1]! << 8) | (pixels[at + 2]! << 16);
    const count = (counts.get(colour) ?? 0) + 1;
    // A photograph needs no exact count; far beyond the bound is enough to know.
    if (count === 1 && counts.size >= 65_536) continue;
    counts.set(colour, count);
    if (count > commonest) commonest = count;
  }
  return counts.size < minColours || pixels.length / 4 - commonest < minInk;
}
