import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { BrowserVmError, CLIPBOARD_IMAGE, clipboardImageSchema } from '@browser-vm/protocol';
import type { AgentOptions } from '../options.ts';
import { asUser, cleanEnvironment } from '../user.ts';

/** A program that owns the clipboard and does not answer, or not with an end, is waited for no longer. Milliseconds. */
const LIMIT = 20_000;
const RETRY = 20;
/** A list of types is far shorter. Bytes. */
const MAX_TYPES = 65_536;

/** Whose clipboard it is. */
type Owner = Pick<AgentOptions, 'user' | 'toolPath' | 'display'>;

/** The image on the desktop's clipboard; null where it has none that is a PNG of at most 8 MiB. */
export async function clipboardImage(options: Owner): Promise<Uint8Array | null> {
  const types = await xclip(options, ['-o', '-t', 'TARGETS'], { maxBytes: MAX_TYPES });
  if (!types?.toString('latin1').split('\n').includes(CLIPBOARD_IMAGE.type)) return null;
  const image = await xclip(options, ['-o', '-t', CLIPBOARD_IMAGE.type], CLIPBOARD_IMAGE);
  return clipboardImageSchema.safeParse(image).data ?? null;
}

/** Puts an image on the desktop's clipboard. A process keeps it there until something else is copied. */
export async function setClipboardImage(options: Owner, png: Uint8Array): Promise<void> {
  const done = await xclip(options, ['-i', '-t', CLIPBOARD_IMAGE.type], { maxBytes: 0, input: png });
  const deadline = performance.now() + LIMIT;
  // It leaves a process behind before the clipboard is that one's, and nothing tells when it is.
  while (done !== null && performance.now() < deadline) {
    const there = await clipboardImage(options);
    if (there !== null && Buffer.compare(there, png) === 0) return;
    await delay(RETRY);
  }
  throw new BrowserVmError({
    code: 'clipboard_not_set',
    message: 'the image could not be put on the clipboard of the desktop',
    hop: 'display',
  });
}

/** What it writes; null when it fails, writes more than allowed, or takes too long. */
async function xclip(
  options: Owner,
  argv: readonly string[],
  { maxBytes, input }: { readonly maxBytes: number; readonly input?: Uint8Array },
): Promise<Buffer | null> {
  const [program = '', ...rest] = asUser(options.user, ['xclip', '-selection', 'clipboard', ...argv]);
  const child = spawn(program, rest, {
    env: cleanEnvironment(options),
    // What stays behind to serve an image would keep a pipe open.
    stdio: ['pipe', input === undefined ? 'pipe' : 'ignore', 'ignore'],
    timeout: LIMIT,
    killSignal: 'SIGKILL',
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) child.kill('SIGKILL');
    else chunks.push(chunk);
  });
  child.stdin?.on('error', () => {}).end(input);
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', resolve);
  });
  return code === 0 ? Buffer.concat(chunks) : null;
}
