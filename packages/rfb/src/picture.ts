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

/** Colours named in a description. */
const NAMED = 3;

/** What a picture looks like, in one line for a fault: its size, and its commonest colours with their shares. */
export function describePicture({ width, height, pixels }: Picture): string {
  const counts = new Map<number, number>();
  for (let at = 0; at < pixels.length; at += 4) {
    const colour = pixels.readUIntLE(at, 3);
    const count = counts.get(colour);
    if (count !== undefined) counts.set(colour, count + 1);
    else if (counts.size < 65_536) counts.set(colour, 1);
  }
  const commonest = [...counts].sort(([, a], [, b]) => b - a).slice(0, NAMED);
  const shares = commonest.map(([colour, count]) => {
    const share = ((count / (pixels.length / 4)) * 100).toFixed(1);
    return `${share} % #${colour.toString(16).padStart(6, '0')}`;
  });
  return `${width}x${height}, ${shares.join(', ')}${counts.size > NAMED ? `, ${counts.size - NAMED} more colours` : ''}`;
}
