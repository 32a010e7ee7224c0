import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RfbClient } from '@browser-vm/rfb';
import { markOf } from '../src/slot/names.ts';
import { ownIndexes } from '../src/slot/slot.ts';
import { PoolHost, reach, templatePicture } from './support/pool-host.ts';

const FULL = { slots: 3, streamers: 2, warm: 1 };
/** Of monitors and streamers. */
const PROCESSES = FULL.streamers + FULL.warm;
let pool: PoolHost;

before(async () => {
  pool = await PoolHost.make(FULL, 'rfb');
});
after(() => pool?.remove());

test('what waits is counted, each start takes its own, and what was taken is made again', async () => {
  await pool.full();
  assert.equal((await pool.host.usage()).slots, FULL.slots);
  const vms = await Promise.all([pool.start(), pool.start(), pool.start(), pool.start()]);
  assert.equal(new Set(vms.map(({ vmId }) => vmId)).size, 4);
  await Promise.all(vms.map((vm) => reach(vm, 'desktop_ready')));
  await Promise.all(vms.map((vm) => vm.stop()));
  await pool.full();
  assert.equal((await pool.host.usage()).slots, FULL.slots);
  assert.equal((await ownIndexes(markOf(pool.runDir))).length, FULL.slots);
  assert.equal((await pool.processes()).length, PROCESSES);
});

for (const program of ['monitor', 'streamer'] as const) {
  test(`a ${program} that died while it waited is not handed out`, async () => {
    await pool.full();
    await pool.kill(program);
    const vm = await pool.start();
    await reach(vm, 'desktop_ready');
    await vm.stop();
    await pool.full();
    assert.equal((await pool.processes()).length, PROCESSES);
  });
}

test('a VM that rehearsed shows what the template shows, and nobody is in it yet', async () => {
  await pool.full();
  const [monitor] = (await pool.processes()).filter(({ program }) => program === 'monitor');
  const vm = await pool.start();
  await reach(vm, 'desktop_ready');
  assert.ok((await pool.processes()).some(({ pid }) => pid === monitor?.pid));
  const client = await RfbClient.connect(await vm.openVnc('control'));
  const { pixels } = await client.takePicture();
  assert.ok(pixels.equals(await readFile(await templatePicture())), 'the picture is another');
  client.close();
  await vm.stop();
});

test('a start in the middle of a refill is served, at whatever it was', async () => {
  await pool.full();
  for (const afterMs of [600, 1200, 2400]) {
    const first = await pool.start();
    await reach(first, 'desktop_ready');
    await delay(afterMs);
    const second = await pool.start();
    await reach(second, 'desktop_ready');
    await Promise.all([first.stop(), second.stop()]);
  }
});

test('reconciling leaves what waits alone', async () => {
  await pool.full();
  assert.deepEqual(await pool.host.reconcile(), { processes: 0, namespaces: 0, directories: 0 });
  const vm = await pool.start();
  await reach(vm, 'desktop_ready');
  await vm.stop();
});

test('closing leaves nothing, also in the middle of a refill', async () => {
  const vm = await pool.start();
  await reach(vm, 'desktop_ready');
  await delay(600);
  await pool.host.close();
  assert.deepEqual(await ownIndexes(markOf(pool.runDir)), []);
  assert.deepEqual(await pool.processes(), []);
  assert.deepEqual(await readdir(join(pool.runDir, 'vms')), []);
});
