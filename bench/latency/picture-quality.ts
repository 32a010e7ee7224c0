/** BGRX pixels as the light of each, 0 to 255. */
export function lightOf(pixels: Buffer): Buffer {
  const light = Buffer.alloc(pixels.length / 4);
  for (let at = 0; at < light.length; at += 1) {
    const [blue = 0, green = 0, red = 0] = pixels.subarray(at * 4, at * 4 + 3);
    light[at] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
  }
  return light;
}

/** Peak signal to noise of two pictures of the same size; text is sharp from about 35 on. At most 99. */
export function decibels(a: Buffer, b: Buffer): number {
  if (a.length !== b.length) throw new Error(`pictures of ${a.length} and ${b.length} pixels`);
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += ((a[at] ?? 0) - (b[at] ?? 0)) ** 2;
  return sum === 0 ? 99 : Math.min(99, 10 * Math.log10((255 * 255 * a.length) / sum));
}
