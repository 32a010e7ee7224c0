import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, readSync, writeSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BootSpec, Driver, Vm } from '../../src/drivers/driver.ts';
import { createDriver } from '../../src/drivers/index.ts';
import { type TinyGuest, tinyGuest } from '../tiny-guest/tiny-guest.ts';
import { makeWire, statusOf } from './wire.ts';

const NAME = process.env.CONFORMANCE_DRIVER ?? 'qemu';
const UIDS = [1_900_900_001, 1_900_900_002, 1_900_900_003];
const MEMORY_MB = 192;

let guest: TinyGuest;
let driver: Driver;
let root: string;
const running = new Set<Vm>();
let made = 0;

/** A spec in which one thing can be changed. */
function specOf(changes: Partial<BootSpec> = {}): BootSpec {
  const id = `conformance-${process.pid}-${made++}`;
  return {
    id,
    directory: join(root, id),
    uid: UIDS[0]!,
    gid: UIDS[0]!,
    vcpus: 2,
    memoryMb: MEMORY_MB,
    kernel: guest.kernel,
    initrd: guest.initrd,
    commandLine: 'conformance=yes',
    drives: [
      { id: 'first', path: guest.disks[0]! },
      { id: 'other', path: guest.disks[1]! },
    ],
    network: null,
    snapshotDirectory: null,
    ...changes,
  };
}

async function boot(spec: BootSpec): Promise<Vm> {
  const vm = await driver.boot(spec);
  running.add(vm);
  return vm;
}

async function restore(snapshot: string, spec: BootSpec): Promise<Vm> {
  const { snapshotDirectory: _, ...rest } = spec;
  const vm = await driver.restore(snapshot, rest);
  running.add(vm);
  return vm;
}

/** Is that text in the guest's memory, as the driver says that it can be read? It is a page's first. */
async function memoryHolds(vm: Vm, text: string): Promise<boolean> {
  const memory = await vm.memory();
  assert.equal(
    memory.parts.reduce((sum, { length }) => sum + length, 0),
    MEMORY_MB * 1024 * 1024,
  );
  const descriptor = memory.open();
  const page = Buffer.alloc(4096);
  try {
    assert.throws(() => writeSync(descriptor, page, 0, 1, memory.parts[0]!.address), /EBADF/);
    for (const { address, length } of memory.parts) {
      for (let at = address; at < address + length; at += page.length) {
        readSync(descriptor, page, 0, page.length, at);
        if (page.toString('latin1', 0, text.length) === text) return true;
      }
    }
    return false;
  } finally {
    closeSync(descriptor);
  }
}

async function saysOnConsole(vm: Vm, word: string): Promise<void> {
  const until = Date.now() + 60_000;
  while (!(await readFile(vm.consoleFile, 'utf8')).includes(word)) {
    if (vm.state === 'stopped' || Date.now() > until) {
      assert.fail(`the console never said "${word}": ${(await vm.consoleTail(20)).join('\n')}`);
    }
    await sleep(20);
  }
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

async function assertNothingLeft(vm: Vm, directory: string): Promise<void> {
  assert.equal(await exists(`/proc/${vm.pid}`), false, 'the process is gone');
  assert.equal(await exists(directory), false, 'its directory is gone');
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function rejectsWith(promise: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error: { code?: string; message: string }) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

before(async () => {
  guest = await tinyGuest();
  root = await mkdtemp(join(tmpdir(), 'bvm-conformance-'));
  driver = createDriver(NAME, {
    accelerator: 'auto',
    probeCacheFile: join(root, 'accelerator.json'),
    probeUid: UIDS[0]!,
    environment: {},
  });
});

after(async () => {
  await Promise.all([...running].map((vm) => vm.stop()));
  await driver.close();
  assert.deepEqual(
    (await readdir(root)).filter((name) => name.startsWith('conformance')),
    [],
  );
  await rm(root, { recursive: true, force: true });
});

describe(`driver ${NAME}`, { concurrency: false, timeout: 300_000 }, () => {
  test('names its version and an accelerator that really runs guests', async () => {
    const { version, accelerator, whyNotKvm } = await driver.probe(guest.kernel);
    assert.match(version, /^\d+\.\d+/);
    assert.equal(accelerator === 'tcg', whyNotKvm !== null);
  });

  test('refuses a missing kernel, image or too little memory by name, and leaves nothing', async () => {
    const missing = '/nowhere/at-all';
    await rejectsWith(boot(specOf({ kernel: missing })), 'kernel_missing', /\/nowhere\/at-all/);
    await rejectsWith(boot(specOf({ initrd: missing })), 'initrd_missing', /\/nowhere\/at-all/);
    const drives = [{ id: 'first', path: missing }];
    await rejectsWith(boot(specOf({ drives })), 'drive_missing', /drive first \/nowhere\/at-all/);
    await rejectsWith(boot(specOf({ kernel: guest.initrd })), 'kernel_not_elf', /initrd/);
    await rejectsWith(boot(specOf({ memoryMb: 16 })), 'too_little_memory', /16 MB/);
    await rejectsWith(boot(specOf({ memoryMb: 50_000_000 })), 'not_enough_memory', /50000000 MB/);
    await rejectsWith(boot(specOf({ uid: 0 })), 'privileged_vm', /root/);
    await rejectsWith(restore(root, specOf()), 'snapshot_missing', /no complete snapshot/);
    assert.deepEqual(
      (await readdir(root)).filter((name) => name.startsWith('conformance')),
      [],
    );
  });

  test("refuses a TAP that does not exist or is another user's", async () => {
    await using wire = await makeWire(UIDS[1]!);
    await rejectsWith(boot(specOf({ network: wire })), 'tap_of_another', /tap0/);
    await rejectsWith(boot(specOf({ network: { ...wire, tap: 'tap9' } })), 'tap_missing', /tap9/);
  });

  test('keeps the console from the first byte to the last word, and gives the guest its devices', async () => {
    await using wire = await makeWire(UIDS[0]!);
    const spec = specOf({ network: wire });
    const vm = await boot(spec);
    await saysOnConsole(vm, 'guest: ready');
    const console = await readFile(vm.consoleFile, 'utf8');
    assert.match(console.split('\n')[0] ?? '', /Linux version/);
    assert.match(console, /guest: first words/);
    assert.match(console, /guest: 2 CPUs/);
    await wire.answered();
    assert.equal(await wire.ask('cmdline'), vm.commandLine);
    assert.match(vm.commandLine, /conformance=yes/);
    assert.equal(await wire.ask('disk=vda'), 'first disk here');
    assert.equal(await wire.ask('disk=vdb'), 'other disk here');
    assert.equal(await wire.ask('write=vda'), 'refused');
    assert.match(await wire.ask('random'), /^( ?[0-9a-f]{2}){16}$/);
    const archiveTo = await mkdtemp(join(tmpdir(), 'bvm-archive-'));
    await vm.stop({ archiveTo });
    assert.equal((await vm.exited).reason, 'stopped');
    assert.match(await readFile(join(archiveTo, 'console.log'), 'utf8'), /guest: ready/);
    await rm(archiveTo, { recursive: true });
    await assertNothingLeft(vm, spec.directory);
  });

  test('runs the monitor without privileges, as a user of its own', async () => {
    const vm = await boot(specOf({ uid: UIDS[1]!, gid: UIDS[1]! }));
    const uid = String(UIDS[1]);
    assert.deepEqual((await statusOf(vm.pid, 'Uid')).split(/\s+/), [uid, uid, uid, uid]);
    assert.deepEqual((await statusOf(vm.pid, 'Gid')).split(/\s+/), [uid, uid, uid, uid]);
    assert.equal(await statusOf(vm.pid, 'Groups'), '');
    for (const field of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
      assert.equal(BigInt(`0x${await statusOf(vm.pid, field)}`), 0n, field);
    }
    assert.equal(await statusOf(vm.pid, 'NoNewPrivs'), '1');
    assert.equal(await statusOf(vm.pid, 'Seccomp'), '2');
    await vm.stop();
  });

  test('pause stops the guest, resume continues it, both twice without harm', async () => {
    await using wire = await makeWire(UIDS[0]!);
    const vm = await boot(specOf({ network: wire }));
    await wire.answered();
    await vm.pause();
    await vm.pause();
    assert.equal(vm.state, 'paused');
    const cpuBefore = await cpuTicks(vm.pid);
    await sleep(1000);
    assert.ok((await cpuTicks(vm.pid)) - cpuBefore < 10, 'a paused guest uses no processor');
    await vm.resume();
    await vm.resume();
    const first = Number(await wire.ask('count'));
    await sleep(300);
    assert.ok(Number(await wire.ask('count')) > first);
    await vm.stop();
  });

  test('a snapshot continues in any number of VMs that share nothing they write', async () => {
    const snapshot = join(root, 'snapshot');
    await mkdir(snapshot);
    await using wire = await makeWire(UIDS[0]!);
    const original = await boot(specOf({ network: wire, snapshotDirectory: snapshot }));
    await wire.answered();
    await wire.ask('note=original');
    const counted = Number(await wire.ask('count'));
    await rejectsWith(original.snapshot(), 'vm_not_paused', /running/);
    await original.pause();
    await original.snapshot();
    await rejectsWith(original.resume(), 'vm_frozen', /cannot run again/).catch(() => {
      assert.equal(original.state, 'stopped');
    });
    await original.stop();
    const before = await hashOf(join(snapshot, 'memory'));
    const { blocks, size } = await stat(join(snapshot, 'memory'));
    assert.equal(size, MEMORY_MB * 1024 * 1024);
    assert.ok(blocks * 512 < size, 'what the guest never used takes no room');

    await using first = await makeWire(UIDS[1]!);
    await using second = await makeWire(UIDS[2]!);
    const clones = await Promise.all(
      [first, second].map((at, index) =>
        restore(snapshot, specOf({ network: at, uid: UIDS[index + 1]!, gid: UIDS[index + 1]! })),
      ),
    );
    assert.deepEqual(
      clones.map((clone) => clone.state),
      ['paused', 'paused'],
    );
    for (const clone of clones) await clone.resume();
    await Promise.all([first.answered(), second.answered()]);
    for (const at of [first, second]) assert.ok(Number(await at.ask('count')) > counted);
    assert.equal(await first.ask('note'), 'original');
    await first.ask('note=first');
    await first.ask('fill=32');
    assert.equal(await second.ask('note'), 'original');
    assert.equal(await first.ask('note'), 'first');
    assert.equal(await memoryHolds(clones[0]!, 'note-of-first'), false);
    await first.ask('note=note-of-first');
    assert.equal(await memoryHolds(clones[0]!, 'note-of-first'), true, 'what it wrote is read from outside');
    assert.equal(await memoryHolds(clones[1]!, 'note-of-first'), false);
    await assertCannotWrite(clones[0]!, join(snapshot, 'memory'));

    await clones[0]!.stop();
    assert.ok(Number(await second.ask('count')) > counted, 'the other clone lives on');
    await clones[1]!.stop();
    assert.equal(await hashOf(join(snapshot, 'memory')), before, 'no clone wrote into the file');
    const refused = restore(snapshot, specOf({ network: null, memoryMb: MEMORY_MB * 2 }));
    await rejectsWith(refused, 'snapshot_mismatch', /memoryMb 192, this is 384/);
    await rm(snapshot, { recursive: true });
  });

  test('can be stopped at any moment without leaving a process or a file', async () => {
    for (const delayMs of [0, 0, 1, 5, 20, 60, 150, 400, 1000]) {
      const spec = specOf();
      const vm = await boot(spec);
      await sleep(delayMs);
      await Promise.all([vm.stop(), vm.stop()]);
      await vm.stop();
      await assertNothingLeft(vm, spec.directory);
    }
  });

  test('a guest that dies is reported with its last words, and its files stay until stop', async () => {
    for (const [question, reason] of [
      ['panic', 'guest_reset'],
      ['off', null],
    ] as const) {
      await using wire = await makeWire(UIDS[0]!);
      const spec = specOf({ network: wire });
      const vm = await boot(spec);
      await wire.answered();
      wire.ask(question).catch(() => {});
      const exit = await vm.exited;
      if (reason !== null) assert.equal(exit.reason, reason);
      assert.equal(vm.state, 'stopped');
      if (question === 'panic') {
        assert.ok(
          exit.consoleTail.some((line) => line.includes('guest: last words')),
          exit.consoleTail.join('\n'),
        );
        assert.ok(exit.consoleTail.some((line) => /panic|sysrq/i.test(line)));
      }
      assert.ok((await vm.consoleTail(5)).length > 0);
      await rejectsWith(vm.pause(), 'vm_gone', /ended/);
      await vm.stop();
      await assertNothingLeft(vm, spec.directory);
    }
  });

  test('a monitor killed from outside is reported as killed, with the last console lines', async () => {
    const spec = specOf();
    const vm = await boot(spec);
    await saysOnConsole(vm, 'guest: ready');
    await vm.ping();
    process.kill(vm.pid, 'SIGKILL');
    await rejectsWith(vm.ping(), 'vm_gone', /ended/);
    const exit = await vm.exited;
    assert.equal(exit.reason, 'killed');
    assert.equal(exit.signal, 'SIGKILL');
    assert.ok(exit.consoleTail.some((line) => line.includes('guest: ready')));
    await vm.stop();
    await assertNothingLeft(vm, spec.directory);
  });
});

/** Clock ticks of user and system time of a process. */
async function cpuTicks(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]!.split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** None of the monitor's descriptors could change what other VMs run from. */
async function assertCannotWrite(vm: Vm, memory: string): Promise<void> {
  const { ino } = await stat(memory);
  for (const descriptor of await readdir(`/proc/${vm.pid}/fd`)) {
    const path = `/proc/${vm.pid}/fd/${descriptor}`;
    if ((await stat(path).catch(() => null))?.ino !== ino) continue;
    const flags = /^flags:\s*(\d+)/m.exec(
      await readFile(`/proc/${vm.pid}/fdinfo/${descriptor}`, 'utf8'),
    )?.[1];
    assert.equal(
      Number.parseInt(flags ?? '', 8) & 3,
      0,
      `descriptor ${descriptor} may write the memory file`,
    );
  }
}
