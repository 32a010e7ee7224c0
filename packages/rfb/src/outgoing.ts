import { OFFERED } from './encodings.ts';
import type { Rect } from './framebuffer.ts';

/** 32 bits a pixel, depth 24, little endian, blue in the lowest byte: BGRX in memory. */
export function setPixelFormat(): Buffer {
  const message = Buffer.alloc(20);
  message.set([32, 24, 0, 1], 4);
  message.writeUInt16BE(255, 8);
  message.writeUInt16BE(255, 10);
  message.writeUInt16BE(255, 12);
  message.set([16, 8, 0], 14);
  return message;
}

export function setEncodings(offered = OFFERED): Buffer {
  const message = Buffer.alloc(4 + 4 * offered.length);
  message.writeUInt8(2, 0);
  message.writeUInt16BE(offered.length, 2);
  offered.forEach((encoding, index) => {
    message.writeInt32BE(encoding, 4 + 4 * index);
  });
  return message;
}

function writeRect(message: Buffer, rect: Rect): Buffer {
  message.writeUInt16BE(rect.x, 2);
  message.writeUInt16BE(rect.y, 4);
  message.writeUInt16BE(rect.width, 6);
  message.writeUInt16BE(rect.height, 8);
  return message;
}

export function updateRequest(incremental: boolean, rect: Rect): Buffer {
  return writeRect(Buffer.from([3, incremental ? 1 : 0, 0, 0, 0, 0, 0, 0, 0, 0]), rect);
}

export function enableContinuousUpdates(enable: boolean, rect: Rect): Buffer {
  return writeRect(Buffer.from([150, enable ? 1 : 0, 0, 0, 0, 0, 0, 0, 0, 0]), rect);
}

export function fence(flags: number, payload: Buffer): Buffer {
  const message = Buffer.alloc(9 + payload.length);
  message.writeUInt8(248, 0);
  message.writeUInt32BE(flags, 4);
  message.writeUInt8(payload.length, 8);
  payload.copy(message, 9);
  return message;
}

export function keyEvent(keysym: number, down: boolean): Buffer {
  const message = Buffer.from([4, down ? 1 : 0, 0, 0, 0, 0, 0, 0]);
  message.writeUInt32BE(keysym, 4);
  return message;
}

/** QEMU's extended key event: the physical key as an XT scan code beside the keysym. */
export function extendedKeyEvent(keysym: number, down: boolean, scanCode: number): Buffer {
  const message = Buffer.alloc(12);
  message.writeUInt8(255, 0);
  message.writeUInt16BE(down ? 1 : 0, 2);
  message.writeUInt32BE(keysym, 4);
  message.writeUInt32BE(scanCode, 8);
  return message;
}

/** A screen of the desktop as the server names it. */
export interface Screen {
  readonly id: number;
  readonly flags: number;
}

/** Asks for a desktop of one screen of that size. Pixels. */
export function setDesktopSize(width: number, height: number, screen: Screen): Buffer {
  const message = Buffer.alloc(24);
  message.writeUInt8(251, 0);
  message.writeUInt16BE(width, 2);
  message.writeUInt16BE(height, 4);
  message.writeUInt8(1, 6);
  message.writeUInt32BE(screen.id, 8);
  message.writeUInt16BE(width, 16);
  message.writeUInt16BE(height, 18);
  message.writeUInt32BE(screen.flags, 20);
  return message;
}

export function pointerEvent(mask: number, x: number, y: number): Buffer {
  const message = Buffer.from([5, mask, 0, 0, 0, 0]);
  message.writeUInt16BE(x, 2);
  message.writeUInt16BE(y, 4);
  return message;
}
