import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { RfbClient } from '@browser-vm/rfb';
import { framebufferOf } from '../../agent/src/desktop/framebuffer.ts';
import { Desktop } from '../../rfb/test/desktop.ts';
import { DesktopSource } from '../../streamer/src/desktop-source.ts';
import { MemoryPicture } from '../../streamer/src/memory/memory-picture.ts';
import type { GuestMemory } from '../src/drivers/driver.ts';
import { PictureReader } from '../src/picture-reader/picture-reader.ts';
import { placesOf } from '../src/picture-reader/places.ts';
import { sharedMemory } from '../src/picture-reader/shared-memory.ts';
import { differentPixels } from './support/memory-and-vnc.ts';
import { socketPair } from './support/socket-pair.ts';

/** Any user but root: nobody. */
const UID = 65_534;
const SIZE = { width: 1280, height: 720 };
const LIMIT = 30_000;
/** Each character sent fills the screen with one of two colours. */
const PROGRAM = `stty raw -echo; on=0; while IFS= read -rn1 c; do on=$((1-on)); printf "\\033[4%dm\\033[2J" $((on*3+1)); done`;

let desktop: Desktop;
let pixels: number;
let ends: { readonly ours: Socket; readonly theirs: Socket };
let reader: PictureReader;
let picture: MemoryPicture;
let source: DesktopSource;

/** Of the X server itself, which stands for a machine: its addresses are their own. */
function memoryOf(pid: number): GuestMemory {
  const address = 0;
  return {
    parts: [{ guestAddress: 0, length: 2 ** 47, address }],
    open: () => openSync(`/proc/${pid}/mem`, 'r'),
  };
}

function framebuffer(size = SIZE) {
  const { address } = framebufferOf(desktop.server.pid!, size.width, size.height);
  const length = size.width * size.height * 4;
  // In two parts that meet within a row.
  return {
    ...size,
    runs: [
      { address, length: 100_000 },
      { address: address + 100_000, length: length - 100_000 },
    ],
  };
}

/** In pixels: a server draws the pointer into the picture for whoever did not move it. */
const POINTER = 64 * 64;

/** Resolves when the source has the same picture, but for so many pixels, as who asks the server for it. */
async function sameAsServer(but = 0): Promise<void> {
  const client = await RfbClient.connect({ host: '127.0.0.1', port: desktop.port });
  try {
    client.pointer(640, 360, 0);
    const until = AbortSignal.timeout(LIMIT);
    for (;;) {
      const picture = await client.takePicture({ signal: until });
      if (differentPixels(picture.pixels, source.pixels) <= but) return;
      if (until.aborted) assert.fail('the picture in memory is not the server’s');
    }
  } finally {
    client.close();
  }
}

beforeEach(async () => {
  desktop = await Desktop.start();
  desktop.run('xterm', ['-geometry', '212x55+0+0', '-e', 'bash', '-c', PROGRAM]);
  pixels = sharedMemory('picture-reader-test');
  ends = await socketPair();
  const memory = memoryOf(desktop.server.pid!);
  reader = await PictureReader.start({
    ...{ uid: UID, gid: UID, environment: {}, memory, pixels },
    streamer: ends.theirs,
  });
  picture = new MemoryPicture(pixels, ends.ours);
  picture.show({ generation: 0, ...SIZE });
  source = new DesktopSource({ host: '127.0.0.1', port: desktop.port }, picture);
  source.watch(true);
  const from = once(source, 'from', { signal: AbortSignal.timeout(LIMIT) });
  reader.look(0, framebuffer());
  assert.deepEqual(await from, ['memory']);
});

afterEach(async () => {
  source.close();
  ends.ours.destroy();
  await reader.stop();
  closeSync(pixels);
  await desktop.stop();
});

test('the picture in the memory of an X server is what it sends, after each of its changes', async () => {
  await sameAsServer();
  for (let at = 0; at < 5; at += 1) {
    const damaged = once(source, 'damaged', { signal: AbortSignal.timeout(LIMIT) });
    source.pointer(640, 360, 0);
    source.key(0x61, true);
    source.key(0x61, false);
    await damaged;
    await sameAsServer();
  }
});

test('the reader runs as its own user without any right, and ends with its streamer', async () => {
  const status = await readFile(`/proc/${reader.pid}/status`, 'utf8');
  assert.match(status, new RegExp(`^Uid:\t${new Array(4).fill(UID).join('\t')}$`, 'm'));
  assert.match(status, /^Groups:\s*$/m);
  for (const set of ['CapEff', 'CapPrm', 'CapBnd']) assert.match(status, new RegExp(`^${set}:\t0+$`, 'm'));
  ends.ours.destroy();
  assert.equal(await reader.gone, '');
});

test('when the reader ends, the picture comes from the server', async () => {
  const from = once(source, 'from', { signal: AbortSignal.timeout(LIMIT) });
  await reader.stop();
  assert.deepEqual(await from, ['rfb']);
  await sameAsServer(POINTER);
});

test('after a new size the picture comes from the server until its new place is known', async () => {
  await sameAsServer();
  // A server gives its old memory back to the kernel, which of a machine's memory nobody can.
  reader.rest();
  const moved = once(source, 'moved', { signal: AbortSignal.timeout(LIMIT) });
  source.resize(1000, 600);
  assert.deepEqual(await moved, [1000, 600]);
  await sameAsServer(POINTER);
  const from = once(source, 'from', { signal: AbortSignal.timeout(LIMIT) });
  const size = { width: 1000, height: 600 };
  reader.look(1, framebuffer(size));
  source.show(picture, { generation: 1, ...size });
  assert.deepEqual(await from, ['memory']);
  await sameAsServer();
});

test('a picture outside of the guest’s memory is refused', () => {
  const parts = [
    { guestAddress: 0, length: 4096, address: 1_000_000 },
    { guestAddress: 8192, length: 4096, address: 2_000_000 },
  ];
  assert.deepEqual(placesOf({ runs: [{ address: 8200, length: 16 }] }, { parts }), [
    { address: 2_000_008, length: 16 },
  ]);
  for (const run of [
    { address: 4000, length: 97 },
    { address: 4096, length: 1 },
    { address: 12_280, length: 16 },
    { address: 2 ** 52, length: 1 },
  ]) {
    assert.throws(() => placesOf({ runs: [run] }, { parts }), /no memory/);
  }
});
