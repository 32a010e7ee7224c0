import { createWriteStream } from 'node:fs';
import { chmod, chown, open, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BrowserVmError } from '@browser-vm/protocol';
import { run } from '../../system/run.ts';
import type { Monitor } from './monitor.ts';

/** Registers, timers and queues of devices: 72 KB as a rule. More than this is a fault. Bytes. */
const MAX_STATE = 64 * 1024 * 1024;
const STATE_SOCKET = 'state.sock';
/** Migration that leaves memory alone that lies in a shared file. */
const CAPABILITIES = [
  { capability: 'x-ignore-shared', state: true },
  { capability: 'events', state: true },
];

/** Where a VM's snapshot goes, and as whom the monitor runs. */
export interface SnapshotTarget {
  readonly directory: string;
  readonly uid: number;
  readonly gid: number;
}

export const memoryFile = (directory: string): string => join(directory, 'memory');
export const stateFile = (directory: string): string => join(directory, 'state');

/** A file of holes as long as the guest's memory, which only the VM's user may open. */
export async function createMemoryFile(target: SnapshotTarget, memoryMb: number): Promise<void> {
  const file = await open(memoryFile(target.directory), 'wx', 0o600);
  try {
    await file.truncate(memoryMb * 1024 * 1024);
    await file.chown(target.uid, target.gid);
  } finally {
    await file.close();
  }
}

/** After the VM has ended: nobody may write the file any more, and what is zero takes no room. */
export async function takeOverMemory({ directory }: SnapshotTarget): Promise<void> {
  const path = memoryFile(directory);
  await chown(path, 0, 0);
  await chmod(path, 0o444);
  await run('fallocate', ['--dig-holes', path], { hop: 'template', timeoutMs: 120_000 });
  for (const name of [path, stateFile(directory)]) {
    const file = await open(name, 'r');
    await file.sync().finally(() => file.close());
  }
}

/**
 * Device state of a paused VM into the snapshot's file. It arrives on a socket, since a monitor that may
 * neither start programs nor write outside its own files has no other way to give it away.
 */
export async function saveState(vm: Monitor, vmDirectory: string, target: SnapshotTarget): Promise<void> {
  const server = createServer();
  await listen(server, vmDirectory);
  try {
    await chown(join(vmDirectory, STATE_SOCKET), target.uid, target.gid);
    const received = receive(server, stateFile(target.directory));
    received.catch(() => {});
    await vm.command('migrate-set-capabilities', { capabilities: CAPABILITIES });
    const ended = migrationEnd(vm);
    ended.catch(() => {});
    await vm.command('migrate', { uri: `unix:${STATE_SOCKET}` });
    await ended;
    await received;
  } finally {
    server.close();
    await rm(join(vmDirectory, STATE_SOCKET), { force: true });
  }
}

/** Device state from an inherited descriptor; memory is mapped already. */
export async function loadState(vm: Monitor, descriptor: number): Promise<void> {
  await vm.command('migrate-set-capabilities', { capabilities: CAPABILITIES });
  const ended = migrationEnd(vm);
  ended.catch(() => {});
  await vm.command('migrate-incoming', { uri: `fd:${descriptor}` });
  await ended;
}

async function migrationEnd(vm: Monitor): Promise<void> {
  const { data } = await vm.event(
    ({ event, data }) =>
      event === 'MIGRATION' && ['completed', 'failed', 'cancelled'].includes(String(data.status)),
  );
  if (data.status !== 'completed') {
    throw new BrowserVmError({
      code: 'snapshot_failed',
      message: `VM ${vm.id}: QEMU's device state ${String(data.status)}`,
      hop: 'driver',
    });
  }
}

async function receive(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  server.once('connection', resolve);
  server.once('close', () => reject(new Error('no device state arrived')));
  const socket = await promise;
  let bytes = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= MAX_STATE) return done(null, chunk);
      done(
        new BrowserVmError({
          code: 'snapshot_failed',
          message: `device state exceeds ${MAX_STATE} bytes`,
          hop: 'driver',
        }),
      );
    },
  });
  await pipeline(socket, bounded, createWriteStream(path, { flags: 'wx', mode: 0o444 }));
}

/** A socket's path is at most 107 bytes long, a directory's may be longer: it is reached by descriptor. */
async function listen(server: Server, directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen(`/proc/self/fd/${handle.fd}/${STATE_SOCKET}`, resolve);
    await promise;
  } finally {
    await handle.close();
  }
}
