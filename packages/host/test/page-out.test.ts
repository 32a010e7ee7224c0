import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pageOut } from '../src/system/page-out.ts';
import { run } from '../src/system/run.ts';

/** What the process writes, and room for it. Bytes. */
const WRITTEN = 48 * 1024 * 1024;
const SWAP = 4 * WRITTEN;
/** This only ends a hang. Milliseconds. */
const LIMIT = 60_000;

let directory: string;
let device = '';
let writer: ChildProcess;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'browser-vm-swap-'));
  const file = join(directory, 'swap');
  await writeFile(file, '');
  await truncate(file, SWAP);
  // A loop device takes swap space on every file system.
  device = (await run('losetup', ['--find', '--show', file], { hop: 'host' })).trim();
  await run('mkswap', [device], { hop: 'host' });
  await run('swapon', ['--priority', '32767', device], { hop: 'host' });
  const program = `
    const written = Buffer.alloc(${WRITTEN});
    for (let at = 0; at < written.length; at += 64) written.writeUInt32LE(at, at);
    process.stdin.on('data', () => {
      let wrong = 0;
      for (let at = 0; at < written.length; at += 64) if (written.readUInt32LE(at) !== at) wrong += 1;
      process.stdout.write('wrong ' + wrong + '\\n');
    });
    process.stdout.write('written\\n');`;
  writer = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  assert.ok(writer.stdout);
  await once(writer.stdout, 'data');
});

after(async () => {
  writer?.kill();
  if (device !== '') {
    await run('swapoff', [device], { hop: 'host' }).catch(() => {});
    await run('losetup', ['--detach', device], { hop: 'host' }).catch(() => {});
  }
  await rm(directory, { recursive: true, force: true });
});

/** Of the process, bytes. */
async function memory(): Promise<{ readonly own: number; readonly files: number; readonly swapped: number }> {
  const status = await readFile(`/proc/${writer.pid}/status`, 'utf8');
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) * 1024;
  return { own: field('RssAnon'), files: field('RssFile'), swapped: field('VmSwap') };
}

test('what a process alone wrote goes to swap space, the files it maps stay, and it reads all of it again', async () => {
  const { pid, stdin, stdout } = writer;
  assert.ok(pid !== undefined && stdin !== null && stdout !== null);
  const beforehand = await memory();
  const moved = await pageOut(pid, AbortSignal.timeout(LIMIT));
  const out = await memory();
  assert.ok(moved >= WRITTEN, `moved ${moved}`);
  assert.ok(out.swapped >= WRITTEN && beforehand.swapped < WRITTEN, JSON.stringify(out));
  assert.ok(out.own < beforehand.own - 0.9 * WRITTEN, JSON.stringify([beforehand, out]));
  assert.ok(out.files > 0.9 * beforehand.files, JSON.stringify([beforehand, out]));
  const answer = once(stdout, 'data');
  stdin.write('read\n');
  assert.equal(String((await answer)[0]), 'wrong 0\n');
});

test('nothing is moved for a process that is gone, or once it is no longer wanted', async () => {
  const { pid } = writer;
  assert.ok(pid !== undefined);
  const swapped = (await memory()).swapped;
  assert.equal(await pageOut(pid, AbortSignal.abort()), 0);
  assert.equal((await memory()).swapped, swapped);
  writer.kill();
  await once(writer, 'exit');
  await assert.rejects(pageOut(pid, AbortSignal.timeout(LIMIT)), /ENOENT/);
});
