import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { stateDirectory } from '@browser-vm/protocol';
import { RfbClient } from '@browser-vm/rfb';
import { readTemplate } from '../../../packages/host/src/template/template.ts';
import { assertSamePicture, pictureInMemory } from '../../../packages/host/test/support/memory-and-vnc.ts';
import { PoolHost, reach, templatePicture } from '../../../packages/host/test/support/pool-host.ts';

/** Each warm VM has a streamer, a monitor and a reader. */
const FULL = { slots: 1, streamers: 1, warm: 1 };
const PROCESSES = 3;
let pool: PoolHost;

before(async () => {
  pool = await PoolHost.make(FULL, 'auto');
});
after(() => pool?.remove());

test('a VM whose reader died while it waited has its picture by VNC, and the next one has a reader', async () => {
  await pool.full();
  assert.equal((await pool.processes()).length, PROCESSES);
  await pool.kill('reader');
  const vm = await pool.start();
  await reach(vm, 'desktop_ready');
  await vm.stop();
  await pool.full();
  assert.equal((await pool.processes()).length, PROCESSES);
});

test('a VM that rehearsed shows in memory what it shows by VNC: the template, then what is pressed', async () => {
  await pool.full();
  const [monitor] = (await pool.processes()).filter(({ program }) => program === 'monitor');
  const vm = await pool.start();
  await reach(vm, 'desktop_ready');
  const client = await RfbClient.connect(await vm.openVnc('control'));
  const { pixels } = await client.takePicture();
  assert.ok(pixels.equals(await readFile(await templatePicture())), 'the picture is another');
  const key = (await pool.host.usage()).template.current?.key ?? '';
  const template =
    (await readTemplate(stateDirectory(process.env), key))?.manifest ?? assert.fail(`no template ${key}`);
  client.pointer(640, 180, 0);
  const released = await assertSamePicture(client, monitor!.pid, template);
  client.pointer(640, 180, 1);
  for (
    const until = AbortSignal.timeout(30_000);
    released.equals(await pictureInMemory(monitor!.pid, template));
  ) {
    assert.ok(!until.aborted, 'a pressed button changes the picture in memory');
    await client.takePicture({ timeoutMs: 30_000 });
  }
  await assertSamePicture(client, monitor!.pid, template);
  client.close();
  await vm.stop();
});
