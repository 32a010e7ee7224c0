import {
  type ControlState,
  type DesktopMessage,
  inputMessageSchema,
  type ViewerMode,
  VNC_PROTOCOLS,
  type VncViewer,
} from '@browser-vm/protocol';
import type { WebSocket } from '@fastify/websocket';
import { closeReason, VNC_CLOSE } from './close-codes.ts';
import type { ViewerFilter } from './viewer-filter.ts';

/** Bytes waiting for a slow viewer before the guest is made to wait. */
const MAX_BUFFERED_BYTES = 1024 * 1024;
/** Of what a viewer says as text. Bytes. */
const MAX_TEXT = 1024;
/** Finds viewers that went away without a word. */
const PING_INTERVAL_MS = 30_000;

/**
 * Carries bytes both ways, with back-pressure, until either side ends or `ended` is aborted.
 * What the viewer sends goes through `filter`, which learns from `viewer` whether it is in control.
 * Takes over both: when it is done, socket and stream are closed.
 */
export function bridge(
  socket: WebSocket,
  viewer: VncViewer,
  ended: AbortSignal,
  { mode, filter }: { readonly mode: ViewerMode; readonly filter: ViewerFilter },
): void {
  const { stream } = viewer;
  let answered = true;

  const finish = (code: number, reason: string): void => {
    clearInterval(ping);
    ended.removeEventListener('abort', onEnded);
    stream.destroy();
    socket.resume();
    socket.close(code, reason);
  };
  const onEnded = (): void =>
    finish(VNC_CLOSE.sessionOver, closeReason('request', `the session is ${String(ended.reason)}`));
  const ping = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, PING_INTERVAL_MS);

  socket.on('pong', () => {
    answered = true;
  });
  socket.on('message', (data, isBinary) => {
    if (!isBinary) {
      if (socket.protocol === VNC_PROTOCOLS.control && wantsControl(bytesOf(data)))
        return viewer.takeControl();
      return finish(VNC_CLOSE.unsupportedData, closeReason('viewer', 'sent text; RFB is binary'));
    }
    if (stream.destroyed) return;
    try {
      const passed = filter.push(bytesOf(data));
      if (passed.length > 0 && !stream.write(passed)) socket.pause();
    } catch (error) {
      finish(VNC_CLOSE.policy, closeReason('viewer', error instanceof Error ? error.message : 'no RFB'));
    }
  });
  socket.on('close', () => finish(VNC_CLOSE.normal, ''));
  socket.on('error', () => socket.terminate());

  stream.on('drain', () => socket.resume());
  stream.on('data', (chunk: Buffer) => {
    socket.send(chunk, { binary: true }, () => {
      if (stream.isPaused() && socket.bufferedAmount < MAX_BUFFERED_BYTES) stream.resume();
    });
    if (socket.bufferedAmount >= MAX_BUFFERED_BYTES) stream.pause();
  });
  stream.on('error', (error) =>
    finish(
      VNC_CLOSE.hopFailed,
      closeReason('display', `the connection to the VNC server failed: ${error.message}`),
    ),
  );
  stream.on('end', () =>
    finish(VNC_CLOSE.hopFailed, closeReason('display', 'the VNC server closed the connection')),
  );

  viewer.onControl((control) => {
    if (stream.destroyed) return;
    const released = filter.control(mode === 'control' && control.holder === 'you');
    if (released.length > 0) stream.write(released);
    if (socket.protocol === VNC_PROTOCOLS.control) socket.send(told(control));
  });
  ended.addEventListener('abort', onEnded);
  if (ended.aborted) onEnded();
  else socket.resume();
}

function told(control: ControlState): string {
  return JSON.stringify({ type: 'control', ...control } satisfies DesktopMessage);
}

function wantsControl(text: Buffer): boolean {
  if (text.length > MAX_TEXT) return false;
  try {
    return inputMessageSchema.parse(JSON.parse(text.toString())).type === 'take_control';
  } catch {
    return false;
  }
}

/** A message of `ws`, in whichever form it came. */
function bytesOf(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
