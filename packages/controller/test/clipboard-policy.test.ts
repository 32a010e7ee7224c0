import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startController } from './support/controller.ts';

test('a session has no more of the clipboard than its operator allows, whatever it asks for', async () => {
  const running = await startController({ configuration: { BROWSER_VM_CLIPBOARD: false } });
  for (const clipboard of [undefined, true, false]) {
    const body = JSON.stringify({ userId: 'a', provider: 'codex', clipboard });
    const response = await running.request('/api/auth/start', { method: 'POST', body });
    assert.equal(response.status, 201);
    assert.equal(running.host.vms.at(-1)?.request.clipboard, false, `asked for ${clipboard}`);
  }
  await running.close();
});
