import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CpuShare } from '../src/session-vm/cpu-share.ts';

const QUIET_MS = 200;

/** A process with several threads in a session of its own, as a monitor is. */
async function monitor(t: TestContext): Promise<number> {
  const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000); console.log("up")'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child.pid!;
}

/** Nice values of its threads, and of its session where the kernel weighs sessions. */
async function sharesOf(pid: number): Promise<ReadonlySet<number>> {
  const threads = await readdir(`/proc/${pid}/task`);
  const session = await readFile(`/proc/${pid}/autogroup`, 'utf8').catch(() => '');
  const [, nice] = / nice (-?\d+)/.exec(session) ?? [];
  return new Set([...threads.map((thread) => getPriority(Number(thread))), ...(nice ? [Number(nice)] : [])]);
}

async function becomes(pid: number, nice: number): Promise<void> {
  const until = Date.now() + 10_000;
  for (;;) {
    const shares = await sharesOf(pid);
    if (shares.size === 1 && shares.has(nice)) return;
    assert.ok(Date.now() < until, `shares stay ${[...shares]} instead of ${nice}`);
    await delay(10);
  }
}

test('a VM goes first until its desktop is there, then lets others go first while nobody touches it', async (t) => {
  const pid = await monitor(t);
  await becomes(pid, 0);
  const share = new CpuShare(QUIET_MS);
  t.after(() => share.close());
  share.starts(pid);
  await becomes(pid, -5);
  share.started();
  await becomes(pid, 0);
  share.touched();
  await delay(2 * QUIET_MS);
  assert.deepEqual([...(await sharesOf(pid))], [0], 'before its page is there nothing counts as quiet');
  share.rests();
  await becomes(pid, 10);
  share.touched();
  await becomes(pid, 0);
  await becomes(pid, 10);
});

test('a monitor that has ended meanwhile is no error', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  const share = new CpuShare(10);
  share.starts(child.pid!);
  share.rests();
  await delay(100);
  share.touched();
  share.close();
});
