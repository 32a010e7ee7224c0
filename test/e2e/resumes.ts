/**
 * Many VMs, each resumed for it: the picture that the reader copies from the VM's memory must be the one that its VNC server
 * sends, as it is at first and while a mouse button is pressed.
 *
 *   npm run resumes -- [--cycles 1000] [--at-once 2]
 */
import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { configurationSchema, type Framebuffer, stateDirectory } from '@browser-vm/protocol';
import { RfbClient } from '@browser-vm/rfb';
import type { Vm } from '../../packages/host/src/drivers/driver.ts';
import { createDriver } from '../../packages/host/src/drivers/index.ts';
import { createHost } from '../../packages/host/src/host.ts';
import { openImage } from '../../packages/host/src/image/index.ts';
import { PictureReader } from '../../packages/host/src/picture-reader/picture-reader.ts';
import { sharedMemory } from '../../packages/host/src/picture-reader/shared-memory.ts';
import { MARK_VARIABLE, markOf } from '../../packages/host/src/slot/names.ts';
import { createSlot, type Slot } from '../../packages/host/src/slot/slot.ts';
import { PROBE_UID } from '../../packages/host/src/slot/users.ts';
import { readTemplate } from '../../packages/host/src/template/template.ts';
import { differentPixels } from '../../packages/host/test/support/memory-and-vnc.ts';
import { socketPair } from '../../packages/host/test/support/socket-pair.ts';
import { MemoryPicture } from '../../packages/streamer/src/memory/memory-picture.ts';
import { repositoryRoot } from './support/controller-process.ts';

const { values } = parseArgs({
  options: { cycles: { type: 'string', default: '1000' }, 'at-once': { type: 'string', default: '2' } },
});
/** This only ends a hang. Milliseconds. */
const LIMIT = 60_000;
const SUBNET = '10.235.0.0/24';
const stateDir = stateDirectory(process.env);
const runDir = await mkdtemp(path.join(tmpdir(), 'bvm-resumes-'));
await chmod(runDir, 0o711);
await mkdir(path.join(runDir, 'vms'), { mode: 0o711 });
const mark = markOf(runDir);
const environment = { [MARK_VARIABLE]: mark };
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
}

const { template, image } = await theTemplate();
const { framebuffer } = template.manifest;
if (framebuffer === null) throw new Error('the template does not know where its picture is');
const driver = createDriver('qemu', {
  accelerator: template.manifest.accelerator,
  probeCacheFile: path.join(stateDir, 'accelerator.json'),
  probeUid: PROBE_UID,
  environment,
});
let begun = 0;
let same = 0;
const wrong: string[] = [];
const began = performance.now();
try {
  await Promise.all(Array.from({ length: Number(values['at-once']) }, () => resumeInTurn(framebuffer)));
} finally {
  await driver.close();
  await rm(runDir, { recursive: true, force: true });
}
console.log(`${same} VMs with the right picture, ${wrong.length} without`);
if (wrong.length > 0) process.exitCode = 1;

/** Made where it is missing. */
async function theTemplate() {
  const host = await createHost({
    configuration: configurationSchema.parse({
      BROWSER_VM_STATE_DIR: stateDir,
      BROWSER_VM_RUN_DIR: runDir,
      BROWSER_VM_SLOT_SUBNET: SUBNET,
      BROWSER_VM_PICTURE_SOURCE: 'auto',
      ...{ BROWSER_VM_WARM: 0, BROWSER_VM_POOL_SLOTS: 0, BROWSER_VM_POOL_STREAMERS: 0 },
    }),
    repositoryRoot,
    logger: { info() {}, warn: (details, message) => console.error(message, details) },
  });
  try {
    await host.prepare((line) => console.error(line), stop.signal);
    const found = await readTemplate(stateDir, (await host.usage()).template.current?.key ?? '');
    if (found === null) throw new Error('there is no template');
    return { template: found, image: await openImage({ stateDir, id: found.manifest.imageId }) };
  } finally {
    await host.close();
  }
}

async function resumeInTurn(place: Framebuffer): Promise<void> {
  const slot = await createSlot({ mark, subnet: SUBNET });
  try {
    while (begun < Number(values.cycles) && !stop.signal.aborted) {
      begun += 1;
      const name = `VM ${begun}`;
      try {
        await resumeOne(slot, place);
        same += 1;
      } catch (error) {
        wrong.push(`${name}: ${(error as Error).message}`);
        console.error(wrong.at(-1));
      }
      if ((same + wrong.length) % 25 !== 0) continue;
      const seconds = Math.round((performance.now() - began) / 1000);
      console.error(`${same} VMs with the right picture, ${wrong.length} without, in ${seconds} s`);
    }
  } finally {
    await slot.remove();
  }
}

async function resumeOne(slot: Slot, place: Framebuffer): Promise<void> {
  const { manifest, directory } = template;
  const id = `vm-${randomBytes(6).toString('hex')}`;
  const vm = await driver.restore(directory, {
    id,
    directory: path.join(runDir, 'vms', id),
    ...{ uid: slot.vmUid, gid: slot.vmUid },
    ...{ vcpus: manifest.vcpus, memoryMb: manifest.memoryMb },
    ...{ kernel: image.files.kernel, initrd: image.files.initrd, commandLine: '' },
    drives: [
      { id: 'rootfs', path: image.files.rootfs },
      { id: 'providers', path: image.files.providers },
    ],
    network: slot.network,
  });
  try {
    await vm.resume();
    await compare(vm, slot, place);
  } finally {
    await vm.stop();
  }
}

async function compare(vm: Vm, slot: Slot, place: Framebuffer): Promise<void> {
  const pixels = sharedMemory('resumes');
  const { ours, theirs } = await socketPair();
  const picture = new MemoryPicture(pixels, ours);
  const reader = await PictureReader.start({
    ...{ uid: slot.readerUid, gid: slot.readerUid, environment },
    ...{ memory: await vm.memory(), pixels, streamer: theirs },
  });
  const client = await connected(slot);
  try {
    picture.show({ generation: 0, ...place });
    picture.watch(true);
    reader.look(0, place);
    const { width, height } = place;
    // A server draws the pointer into the picture for everybody else.
    client.pointer(width / 2, height / 4, 0);
    await client.takePicture({ timeoutMs: LIMIT });
    client.on('update', () => client.requestUpdate());
    client.requestUpdate();
    const isSame = () => picture.isWhole && differentPixels(picture.pixels, client.framebuffer) === 0;
    await seen(isSame, 'the picture in memory is the one that the server sends');
    const released = Buffer.from(picture.pixels);
    client.pointer(width / 2, height / 4, 1);
    picture.expect();
    await seen(
      () => isSame() && differentPixels(picture.pixels, released) > 0,
      'a pressed button shows in both',
    );
  } finally {
    client.close();
    picture.close();
    await reader.stop();
    closeSync(pixels);
  }
}

/** A machine that has just been resumed may lose the first packets. */
async function connected(slot: Slot): Promise<RfbClient> {
  for (const until = performance.now() + LIMIT; ; ) {
    try {
      return await RfbClient.connect(slot.vnc, { timeoutMs: LIMIT, reachTimeoutMs: 500 });
    } catch (error) {
      if (performance.now() > until) throw error;
    }
  }
}

async function seen(condition: () => boolean, what: string): Promise<void> {
  for (const until = performance.now() + LIMIT; !condition(); await delay(20)) {
    if (performance.now() > until) throw new Error(`not within ${LIMIT / 1000} s: ${what}`);
  }
}
