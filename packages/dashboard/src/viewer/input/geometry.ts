export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Box extends Size {
  readonly left: number;
  readonly top: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where a picture of size `content` lies within `box` when it is scaled to fit and centred. CSS pixels. */
export function fittedBox(box: Box, content: Size): Box {
  if (content.width <= 0 || content.height <= 0) return box;
  const scale = Math.min(box.width / content.width, box.height / content.height);
  const width = content.width * scale;
  const height = content.height * scale;
  return {
    left: box.left + (box.width - width) / 2,
    top: box.top + (box.height - height) / 2,
    width,
    height,
  };
}

/** The desktop's pixel under a point of the page; a point beside the picture means its nearest edge. */
export function toDesktop(client: Point, box: Box, desktop: Size): Point {
  const shown = fittedBox(box, desktop);
  const along = (offset: number, shownLength: number, length: number) =>
    shownLength <= 0 ? 0 : clamp(Math.floor((offset / shownLength) * length), 0, Math.max(0, length - 1));
  return {
    x: along(client.x - shown.left, shown.width, desktop.width),
    y: along(client.y - shown.top, shown.height, desktop.height),
  };
}

/** Where the picture's pixel is, from the box's top left corner. CSS pixels. */
export function toSurface(point: Point, box: Box, desktop: Size): Point {
  const shown = fittedBox(box, desktop);
  return {
    x: shown.left - box.left + ((point.x + 0.5) / Math.max(1, desktop.width)) * shown.width,
    y: shown.top - box.top + ((point.y + 0.5) / Math.max(1, desktop.height)) * shown.height,
  };
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
