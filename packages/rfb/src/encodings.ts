/** Numbers of the RFB protocol's registry that we speak. */
export const ENCODING = {
  raw: 0,
  copyRect: 1,
  desktopSize: -223,
  lastRect: -224,
  cursor: -239,
  qemuExtendedKey: -258,
  extendedDesktopSize: -308,
  fence: -312,
  continuousUpdates: -313,
  alphaCursor: -314,
  /** To a server of TigerVNC also: do not compare each picture with the one before. */
  compressLevel0: -256,
  /** 0xC0A1E5CE */
  extendedClipboard: 0xc0a1e5ce | 0,
} as const;

/** In order of preference. */
export const OFFERED: readonly number[] = [
  ENCODING.copyRect,
  ENCODING.raw,
  ENCODING.alphaCursor,
  ENCODING.cursor,
  ENCODING.extendedDesktopSize,
  ENCODING.desktopSize,
  ENCODING.lastRect,
  ENCODING.fence,
  ENCODING.continuousUpdates,
  ENCODING.qemuExtendedKey,
  ENCODING.extendedClipboard,
];

/** Types of what a server says. */
export const SERVER = {
  framebufferUpdate: 0,
  setColourMapEntries: 1,
  bell: 2,
  cutText: 3,
  endOfContinuousUpdates: 150,
  fence: 248,
} as const;
