import type { DesktopMessage } from '@browser-vm/protocol';
import type { Cursor } from '@browser-vm/rfb';

export function cursorMessage(cursor: Cursor): DesktopMessage {
  return {
    type: 'cursor',
    width: cursor.width,
    height: cursor.height,
    hotspotX: cursor.hotspotX,
    hotspotY: cursor.hotspotY,
    rgba: cursor.rgba.toString('base64'),
  };
}

export function sameCursor(a: Cursor, b: Cursor): boolean {
  return (
    a.width === b.width && a.hotspotX === b.hotspotX && a.hotspotY === b.hotspotY && a.rgba.equals(b.rgba)
  );
}
