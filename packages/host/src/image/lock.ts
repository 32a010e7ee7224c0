import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Waits until no other build holds `file`, then holds it until `release` or until this process is gone,
 * whatever ended it: the lock belongs to a child that lives as long as its standard input is open.
 */
export async function acquireLock(
  file: string,
  options: { readonly waiting: () => void; readonly signal?: AbortSignal },
): Promise<{ release: () => Promise<void> }> {
  options.signal?.throwIfAborted();
  const child = spawn('flock', [file, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const release = async () => {
    child.stdin.end();
    child.stdout.resume();
    await closed;
  };
  const abort = () => child.kill('SIGKILL');
  options.signal?.addEventListener('abort', abort, { once: true });
  const notice = setTimeout(options.waiting, 1000);
  try {
    await Promise.race([
      once(child.stdout, 'data'),
      closed.then(() => {
        options.signal?.throwIfAborted();
        throw new Error(`flock did not take ${file}`);
      }),
    ]);
  } finally {
    clearTimeout(notice);
    options.signal?.removeEventListener('abort', abort);
  }
  return { release };
}
