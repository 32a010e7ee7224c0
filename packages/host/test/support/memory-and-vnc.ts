import assert from 'node:assert/strict';
import { closeSync, readSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { RfbClient } from '@browser-vm/rfb';
import { guestMemory } from '../../src/drivers/qemu/guest-memory.ts';
import { placesOf } from '../../src/picture-reader/places.ts';
import type { TemplateManifest } from '../../src/template/template.ts';

/** A desktop that has just been used comes to rest within this. Milliseconds. */
const LIMIT = 30_000;
const PAUSE = 50;

/** The picture in a VM's memory, where its template says that it is. BGRX. */
export async function pictureInMemory(monitor: number, template: TemplateManifest): Promise<Buffer> {
  assert.ok(template.framebuffer, 'the template does not know where its picture is');
  const memory = await guestMemory(monitor, template.memoryMb);
  const { width, height } = template.framebuffer;
  const pixels = Buffer.alloc(width * height * 4);
  const descriptor = memory.open();
  try {
    let at = 0;
    for (const { address, length } of placesOf(template.framebuffer, memory)) {
      assert.equal(readSync(descriptor, pixels, at, length, address), length);
      at += length;
    }
  } finally {
    closeSync(descriptor);
  }
  return pixels;
}

/**
 * Resolves with it when what the VNC server sends is what is in memory; rejects when that does not come. Whoever asks must
 * have moved the pointer: a server draws it into the picture for everybody else.
 */
export async function assertSamePicture(
  client: RfbClient,
  monitor: number,
  template: TemplateManifest,
): Promise<Buffer> {
  const until = performance.now() + LIMIT;
  for (;;) {
    const sent = await client.takePicture({ timeoutMs: LIMIT });
    const read = await pictureInMemory(monitor, template);
    const different = differentPixels(sent.pixels, read);
    if (different === 0) return read;
    assert.ok(performance.now() < until, `${different} pixels differ`);
    await delay(PAUSE);
  }
}

/** Of BGRX; the fourth byte is nobody's. */
export function differentPixels(one: Buffer, other: Buffer): number {
  if (one.length !== other.length) return Number.POSITIVE_INFINITY;
  const [these, those] = [one, other].map(
    ({ buffer, byteOffset, length }) => new Uint32Array(buffer, byteOffset, length / 4),
  ) as [Uint32Array, Uint32Array];
  let count = 0;
  for (let at = 0; at < these.length; at += 1) {
    if (((these[at]! ^ those[at]!) & 0xffffff) !== 0) count += 1;
  }
  return count;
}
