import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bandwidth, type Fate } from '../src/transport/rtp/bandwidth.ts';

interface Link {
  readonly kbps: number;
  readonly delayMs: number;
  /** Every so many packets one is lost. */
  readonly loseEach: number;
  readonly queueMs: number;
}

const LINK: Link = { kbps: 100_000, delayMs: 20, loseEach: Number.POSITIVE_INFINITY, queueMs: 300 };

/**
 * Frames over such a link, as they leave a sender that paces at 2.5 times the estimate and sends the next frame when
 * the estimate says that the one before has been carried. The receiver's clock is another one.
 */
class Path {
  readonly bandwidth: Bandwidth;
  now = 1000;
  /** Longest wait in the link's queue. Milliseconds. */
  waitedMs = 0;
  #freeAt = 0;
  #count = 0;
  #burst = 0;
  link: Link;

  constructor(link: Partial<Link>, startKbps: number, maxKbps: number) {
    this.link = { ...LINK, ...link };
    this.bandwidth = new Bandwidth({ startKbps, maxKbps });
  }

  frames(count: number, bytes: number, intervalMs = 25): void {
    for (let frame = 0; frame < count; frame += 1) {
      const fates: Fate[] = [];
      this.#burst += 1;
      let sentAtMs = this.now;
      for (let left = bytes; left > 0; left -= 1200) {
        const size = Math.min(1200, left);
        fates.push({ sentAtMs, arrivedAtMs: this.#carry(sentAtMs, size), bytes: size, burst: this.#burst });
        sentAtMs += (size * 8) / (this.bandwidth.kbps * 2.5);
      }
      this.now += Math.max(intervalMs, (bytes * 8) / this.bandwidth.kbps);
      this.bandwidth.learn(fates);
    }
  }

  #carry(atMs: number, bytes: number): number | null {
    const { kbps, delayMs, loseEach, queueMs } = this.link;
    this.#count += 1;
    if (this.#count % loseEach === 0) return null;
    const begin = Math.max(atMs, this.#freeAt);
    if (begin - atMs > queueMs) return null;
    this.waitedMs = Math.max(this.waitedMs, begin - atMs);
    this.#freeAt = begin + (bytes * 8) / kbps;
    return this.#freeAt + delayMs + 5_000_000;
  }
}

test('a fast link is found to be fast within a few frames', () => {
  const path = new Path({}, 2500, 30_000);
  path.frames(12, 30_000);
  assert.equal(path.bandwidth.kbps, 30_000);
});

test('small frames alone do not lower what was found', () => {
  const path = new Path({}, 2500, 30_000);
  path.frames(12, 30_000);
  path.frames(500, 2000);
  assert.equal(path.bandwidth.kbps, 30_000);
});

test('the rate of a narrow link is found, and held without a queue that stands', () => {
  const path = new Path({ kbps: 1000 }, 2500, 30_000);
  path.frames(20, 8000);
  path.waitedMs = 0;
  for (let time = 0; time < 20; time += 1) {
    path.frames(10, 8000);
    assert.ok(path.bandwidth.kbps > 600 && path.bandwidth.kbps <= 1050, `${path.bandwidth.kbps} kbit/s`);
  }
  // One frame of 8000 bytes takes 64 ms.
  assert.ok(path.waitedMs < 110, `packets waited for ${path.waitedMs} ms`);
});

test('2 % of loss by chance do not slow a link; 30 % do', () => {
  const path = new Path({ loseEach: 50 }, 2500, 30_000);
  path.frames(100, 20_000);
  assert.equal(path.bandwidth.kbps, 30_000);
  path.link = { ...path.link, loseEach: 3 };
  path.frames(40, 20_000);
  assert.ok(path.bandwidth.kbps < 15_000, `${path.bandwidth.kbps} kbit/s`);
});

test('a link that becomes narrow is noticed, and one that becomes wide again is used', () => {
  const path = new Path({}, 2500, 30_000);
  path.frames(12, 30_000);
  path.link = { ...path.link, kbps: 1000 };
  path.frames(40, 8000);
  assert.ok(path.bandwidth.kbps < 1500, `${path.bandwidth.kbps} kbit/s`);
  path.link = { ...path.link, kbps: 20_000 };
  path.frames(60, 8000);
  assert.ok(path.bandwidth.kbps > 5000, `${path.bandwidth.kbps} kbit/s`);
});
