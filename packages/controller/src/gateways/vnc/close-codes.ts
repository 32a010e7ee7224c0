import { SESSION_OVER_CODE, toFault } from '@browser-vm/protocol';

/** How the VNC gateway closes a WebSocket; the reason names the hop, then says what happened. */
export const VNC_CLOSE = {
  /** The person or the page ended it. */
  normal: 1000,
  /** The viewer sent text. RFB is binary. */
  unsupportedData: 1003,
  /** A viewer that may only watch sent what is no RFB. */
  policy: 1008,
  /** The session ended, or there is none. */
  sessionOver: SESSION_OVER_CODE,
  /** Something between here and the guest's VNC server failed. */
  hopFailed: 4502,
} as const;

/** RFC 6455 allows a reason of 123 bytes. */
const MAX_REASON_BYTES = 123;

export function closeReason(hop: string, message: string): string {
  const bytes = Buffer.from(`${hop}: ${message}`);
  // `toString` replaces a character that the cut went through.
  return bytes.length <= MAX_REASON_BYTES
    ? bytes.toString()
    : bytes
        .subarray(0, MAX_REASON_BYTES - 3)
        .toString()
        .replace(/\ufffd+$/, '');
}

export function closeFor(error: unknown): { code: number; reason: string } {
  const fault = toFault(error, 'display');
  const over = fault.code === 'session_over' || fault.code === 'unknown_session';
  return {
    code: over ? VNC_CLOSE.sessionOver : VNC_CLOSE.hopFailed,
    reason: closeReason(fault.hop, fault.message),
  };
}
