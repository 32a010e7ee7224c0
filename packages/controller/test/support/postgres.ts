import { execFile, spawn } from 'node:child_process';
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import postgres from 'postgres';

const run = promisify(execFile);
const INSTALLED = '/usr/lib/postgresql';

export interface PostgresServer {
  /** URL of a database made for this call alone. */
  newDatabase(): Promise<string>;
  stop(): Promise<void>;
}

/** A private PostgreSQL server in a temporary directory, on loopback, from Debian's package `postgresql`. */
export async function startPostgres(): Promise<PostgresServer> {
  const versions = await readdir(INSTALLED).catch(() => []);
  const version = versions.toSorted((left, right) => Number(right) - Number(left))[0];
  if (version === undefined) throw new Error('this test needs PostgreSQL: apt-get install postgresql');
  const binaries = join(INSTALLED, version, 'bin');
  const directory = await mkdtemp('/tmp/browser-vm-postgres-');
  // PostgreSQL refuses to run as root.
  const asRoot = process.getuid?.() === 0;
  const user = asRoot ? await idsOf('postgres') : null;
  if (user !== null) await chown(directory, user.uid, user.gid);
  const identity = user === null ? {} : { uid: user.uid, gid: user.gid };
  const data = join(directory, 'data');
  await run(
    join(binaries, 'initdb'),
    ['--pgdata', data, '--username', 'test', '--auth', 'trust', '--no-sync', '--encoding', 'UTF8'],
    { ...identity, cwd: directory },
  );
  const port = await freePort();
  const server = spawn(
    join(binaries, 'postgres'),
    ['-D', data, '-k', directory, '-h', '127.0.0.1', '-p', String(port), '-c', 'fsync=off'],
    { ...identity, cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  await accepting(server.stderr);
  server.stderr.resume();
  const base = `postgres://test@127.0.0.1:${port}`;
  let made = 0;
  return {
    async newDatabase() {
      made += 1;
      const name = `test_${made}`;
      const admin = postgres(`${base}/postgres`, { max: 1 });
      await admin.unsafe(`create database ${name}`);
      await admin.end();
      return `${base}/${name}`;
    },
    async stop() {
      server.kill('SIGINT');
      await exited;
      await rm(directory, { recursive: true });
    },
  };
}

async function accepting(log: Readable): Promise<void> {
  let text = '';
  for await (const chunk of log.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes('database system is ready to accept connections')) return;
  }
  throw new Error(`PostgreSQL ended: ${text}`);
}

async function idsOf(name: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, name])));
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
