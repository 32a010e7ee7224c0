import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { AgentClient } from '../src/agent-client/agent-client.ts';
import { firstAnswer } from '../src/agent-client/cold-boot.ts';
import { kernelCommandLine } from '../src/drivers/qemu/command-line.ts';
import { mapsReadOnlyFiles } from '../src/drivers/qemu/version.ts';
import { pruneLogs } from '../src/logs/prune.ts';
import { parseRecord } from '../src/resolver/configuration.ts';
import { capacityOf, linkOf } from '../src/slot/link.ts';
import { indexOf, markOf, namespaceOf } from '../src/slot/names.ts';
import { lease, removeUnlessLeased } from '../src/system/lease.ts';
import { memoryOf } from '../src/system/memory.ts';
import { setShare } from '../src/system/priority.ts';

test('memory whose content is in swap space, too, is available', () => {
  const lines = [
    'MemTotal: 24576000 kB',
    'MemAvailable: 2048000 kB',
    'SwapCached: 9216000 kB',
    'SwapFree: 1024 kB',
  ];
  assert.deepEqual(memoryOf(lines.join('\n')), { totalMb: 24_000, availableMb: 11_000, swapFreeMb: 1 });
});

test('each slot has a /30 of its own, up to the capacity of the subnet', () => {
  assert.deepEqual(linkOf('10.231.0.0/16', 0), { host: '10.231.0.1', slot: '10.231.0.2', prefixLength: 30 });
  assert.deepEqual(linkOf('10.231.0.0/16', 64), { host: '10.231.1.1', slot: '10.231.1.2', prefixLength: 30 });
  assert.equal(capacityOf('10.231.0.0/16'), 16_384);
  assert.throws(() => linkOf('10.231.0.0/30', 1), { code: 'bad_slot_subnet' });
  for (const bad of ['10.231.0.1/16', '10.231.0.0', 'fd00::/64', '10.256.0.0/16', '10.0.0.0/31']) {
    assert.throws(() => capacityOf(bad), { code: 'bad_slot_subnet' }, bad);
  }
});

test('a namespace tells its index to its own controller alone', () => {
  const mark = markOf('/run/one');
  assert.equal(indexOf(mark, namespaceOf(mark, 17)), 17);
  assert.equal(indexOf(markOf('/run/other'), namespaceOf(mark, 17)), null);
  assert.equal(indexOf(mark, `bvm-${mark}-17x`), null);
});

test('host records are name=address', () => {
  assert.deepEqual(parseRecord('Auth.Example=203.0.113.5'), { name: 'auth.example', address: '203.0.113.5' });
  for (const bad of ['auth.example', '=1.2.3.4', 'a=1.2.3', 'a=1.2.3.256', 'a b=1.2.3.4']) {
    assert.throws(() => parseRecord(bad), { code: 'bad_host_record' }, bad);
  }
});

test('words for the guest kernel say the clock under emulation alone, and one CPU where its start would not survive more', () => {
  const qemu = (major: number, minor: number) => ({ major, minor });
  const words = (accelerator: 'kvm' | 'tcg', version: { major: number; minor: number }, vcpus = 2) =>
    kernelCommandLine({ commandLine: 'x=y', vcpus }, { accelerator, tscKhz: 2_596_124, qemu: version });
  assert.match(words('tcg', qemu(8, 1)), /tsc_early_khz=2596124 .*x=y$/);
  assert.doesNotMatch(words('kvm', qemu(7, 2)), /tsc_early_khz|mitigations|maxcpus/);
  assert.match(words('tcg', qemu(8, 0)), /maxcpus=1 noreplace-smp/);
  assert.doesNotMatch(words('tcg', qemu(8, 1)), /maxcpus/);
  assert.doesNotMatch(words('tcg', qemu(8, 0), 1), /maxcpus/);
});

test('QEMU before 8.2 is not given the memory file itself', () => {
  const version = (major: number, minor: number) => ({ major, minor, text: '' });
  assert.deepEqual([version(7, 2), version(8, 1), version(8, 2), version(10, 0)].map(mapsReadOnlyFiles), [
    false,
    false,
    true,
    true,
  ]);
});

test('logs are bounded by bytes and by sessions, the oldest go first, and those in use stay', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bvm-logs-'));
  const names: string[] = [];
  for (let index = 0; index < 6; index += 1) {
    const name = randomUUID();
    names.push(name);
    await mkdir(join(directory, name));
    await writeFile(join(directory, name, 'console.log'), Buffer.alloc(1_000_000, 1));
    const at = new Date(Date.now() - (100 - index) * 60_000);
    await utimes(join(directory, name, 'console.log'), at, at);
    await utimes(join(directory, name), at, at);
  }
  await mkdir(join(directory, 'not-a-session'));
  const left = async () => (await readdir(directory)).filter((name) => names.includes(name));
  const keep = new Set([names[0]!]);
  assert.equal(await pruneLogs(directory, { keep, maxMb: 100, maxSessions: 5 }), 1);
  assert.deepEqual((await left()).toSorted(), names.filter((_, index) => index !== 1).toSorted());
  assert.equal(await pruneLogs(directory, { keep, maxMb: 3.5, maxSessions: 5 }), 2);
  assert.deepEqual((await left()).toSorted(), [names[0], names[4], names[5]].toSorted());
  assert.equal(await pruneLogs(join(directory, 'nowhere'), { keep, maxMb: 1, maxSessions: 1 }), 0);
  await rm(directory, { recursive: true });
});

test('what is leased stays until the last one who leased it lets go or is gone', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bvm-lease-'));
  await writeFile(join(directory, 'template.json'), '');
  const mine = await lease(directory, 'template.json');
  const script = `const { lease } = await import(${JSON.stringify(join(import.meta.dirname, '../src/system/lease.ts'))});
    await lease(${JSON.stringify(directory)}, 'template.json'); console.log('leased'); setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(other.stdout, 'data');
  await mine?.release();
  assert.equal(await removeUnlessLeased(directory, 'template.json'), false, 'another process uses it');
  other.kill('SIGKILL');
  await once(other, 'exit');
  assert.equal(await removeUnlessLeased(directory, 'template.json'), true);
  assert.equal(await lease(directory, 'template.json'), null);
});

test('a guest whose agent never answers is told from one that is no longer wanted', async () => {
  // Port 1 of this machine: nobody listens there.
  const agent = new AgentClient({ host: '127.0.0.1', port: 1 });
  const wanted = new AbortController();
  await assert.rejects(firstAnswer(agent, { limitMs: 50, signal: wanted.signal }), { code: 'agent_silent' });
  const given = firstAnswer(agent, { limitMs: 600_000, signal: wanted.signal });
  wanted.abort(new Error('not any more'));
  await assert.rejects(given, /not any more/);
});

test('a process that gives way does so among its threads and among whole sessions of processes', async () => {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  try {
    const pid = child.pid!;
    await setShare(pid, 'background');
    assert.equal(getPriority(pid), 10);
    // Not every kernel weighs sessions.
    const session = await readFile(`/proc/${pid}/autogroup`, 'utf8').catch(() => 'nice 10');
    assert.match(session, /nice 10$/m);
  } finally {
    child.kill();
    await once(child, 'close');
  }
});
