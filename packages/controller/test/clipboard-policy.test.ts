import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIPBOARD_IMAGE } from '@browser-vm/protocol';
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

const PNG = Buffer.from('89504e470d0a1a0a00', 'hex');

test('an image goes to the clipboard of a session and back, for who may act, where the clipboard is on', async () => {
  const running = await startController();
  const begin = async (clipboard: boolean) => {
    const body = JSON.stringify({ userId: 'a', provider: 'codex', clipboard });
    const started = await running.request('/api/auth/start', { method: 'POST', body });
    const { sessionId, viewerToken } = (await started.json()) as Record<'sessionId' | 'viewerToken', string>;
    return { path: `/api/auth/session/${sessionId}/clipboard/image`, sessionId, viewerToken };
  };
  const on = await begin(true);
  const put = (path: string, token: string, bytes: Uint8Array<ArrayBuffer> = PNG, type = 'image/png') =>
    running.request(path, { method: 'PUT', token, headers: { 'content-type': type }, body: bytes });
  const get = (path: string, token: string) => running.request(path, { token });
  assert.equal((await get(on.path, on.viewerToken)).status, 204);
  assert.equal((await put(on.path, on.viewerToken)).status, 204);
  const image = await get(on.path, on.viewerToken);
  assert.equal(image.headers.get('content-type'), 'image/png');
  assert.equal(image.headers.get('cache-control'), 'no-store');
  assert.deepEqual(Buffer.from(await image.arrayBuffer()), PNG);

  const fault = async (response: Response) => {
    const { code } = (await response.json()) as { code: string };
    return [response.status, code];
  };
  assert.deepEqual(await fault(await put(on.path, on.viewerToken, Buffer.from('GIF89a'))), [
    400,
    'invalid_image',
  ]);
  assert.equal((await put(on.path, on.viewerToken, PNG, 'image/gif')).status, 415);
  const large = Buffer.concat([PNG, Buffer.alloc(CLIPBOARD_IMAGE.maxBytes)]);
  assert.equal((await put(on.path, on.viewerToken, large).catch(() => null))?.status ?? 413, 413);
  assert.deepEqual(running.host.vms.at(-1)?.image, PNG);

  const invited = await running.request(`/api/auth/session/${on.sessionId}/viewers`, {
    method: 'POST',
    body: '{"mode":"view"}',
  });
  const { viewerToken: watcher } = (await invited.json()) as { viewerToken: string };
  assert.equal((await put(on.path, watcher)).status, 403);
  assert.equal((await get(on.path, watcher)).status, 403);

  const off = await begin(false);
  assert.deepEqual(await fault(await put(off.path, off.viewerToken)), [403, 'clipboard_off']);
  assert.deepEqual(await fault(await get(off.path, off.viewerToken)), [403, 'clipboard_off']);
  await running.close();
});
