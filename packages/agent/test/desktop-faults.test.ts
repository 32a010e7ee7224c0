import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Fault } from '@browser-vm/protocol';
import { startGuest } from './support/guest.ts';
import { inOwnNamespaces, WORLD } from './support/namespace.ts';

if (inOwnNamespaces(import.meta.filename)) {
  /** How making the desktop ready fails with a shell script for a browser. */
  const faultOf = async (script: string, prepareTimeoutMs: number): Promise<Fault> => {
    const chromium = join(WORLD, 'browser');
    writeFileSync(chromium, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const guest = await startGuest([], { chromium, prepareTimeoutMs });
    try {
      const request = { caCertificates: [], display: { width: 640, height: 400 } };
      assert.equal((await guest.call('POST', '/v1/prepare', request)).status, 202);
      return (await guest.event('failed')).fault;
    } finally {
      await guest.close();
    }
  };

  test('a browser that never paints fails by name, with what the desktop shows and what the browser said', async () => {
    const fault = await faultOf(
      'echo "cannot paint https://page.example/?code=1" >&2; exec sleep 1000',
      3000,
    );
    assert.equal(fault.code, 'browser_not_painted');
    assert.match(fault.message, /\(640x400, \d[\d.]* % #000000/);
    assert.deepEqual(fault.details, { lastLines: ['cannot paint https://page.example/?…'] });
  });

  test('a browser without its sandbox is refused', async () => {
    const fault = await faultOf('exec /usr/bin/chromium --no-sandbox --test-type "$@"', 60_000);
    assert.equal(fault.code, 'browser_not_sandboxed');
  });
}
