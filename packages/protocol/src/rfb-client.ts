/**
 * What an RFB client sends, for those who read such a conversation without being a part of it. RFB 3.8 with the
 * extensions of the community's specification that noVNC and TigerVNC use.
 */

/** Version, choice of no password, and sharing flag: what comes before messages. Bytes. */
export const RFB_GREETING = { version: 12, security: 1, init: 1 } as const;

export const RFB_CLIENT = {
  setPixelFormat: 0,
  setEncodings: 2,
  requestUpdate: 3,
  key: 4,
  pointer: 5,
  cutText: 6,
  continuousUpdates: 150,
  fence: 248,
  xvp: 250,
  setDesktopSize: 251,
  qemu: 255,
} as const;

/** Lengths of one type of message. Bytes, the type's own counted. */
export interface RfbMessageLength {
  /** So many first bytes tell the length. */
  readonly head: number;
  /** Of the whole message, by its head. */
  readonly of: (head: Uint8Array) => number;
  /** No honest client sends a longer one. */
  readonly max: number;
}

const fixed = (length: number): RfbMessageLength => ({ head: 1, of: () => length, max: length });

/** By type; a client that sends any other is no client of these extensions. */
export const RFB_CLIENT_LENGTHS: ReadonlyMap<number, RfbMessageLength> = new Map([
  [RFB_CLIENT.setPixelFormat, fixed(20)],
  [RFB_CLIENT.setEncodings, { head: 4, of: (head) => 4 + 4 * view(head).getUint16(2), max: 4 + 4 * 256 }],
  [RFB_CLIENT.requestUpdate, fixed(10)],
  [RFB_CLIENT.key, fixed(8)],
  [RFB_CLIENT.pointer, fixed(6)],
  // A negative length marks the extended clipboard.
  [
    RFB_CLIENT.cutText,
    { head: 8, of: (head) => 8 + Math.abs(view(head).getInt32(4)), max: 8 + 2 * 1_048_576 },
  ],
  [RFB_CLIENT.continuousUpdates, fixed(10)],
  [RFB_CLIENT.fence, { head: 9, of: (head) => 9 + view(head).getUint8(8), max: 9 + 64 }],
  [RFB_CLIENT.xvp, fixed(4)],
  [RFB_CLIENT.setDesktopSize, { head: 8, of: (head) => 8 + 16 * view(head).getUint8(6), max: 8 + 16 * 255 }],
  // Of QEMU's messages, the key event is the one that is offered.
  [RFB_CLIENT.qemu, fixed(12)],
]);

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
