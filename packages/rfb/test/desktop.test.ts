import assert from 'node:assert/strict';
import { execFile as execFileCallback } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { isBlank, type Rect, RfbClient } from '../src/index.ts';
import { Desktop } from './desktop.ts';

const execFile = promisify(execFileCallback);

let desktop: Desktop;
before(async () => {
  desktop = await Desktop.start('800x600');
});
after(async () => {
  await desktop.stop();
});

const connect = () => RfbClient.connect({ host: '127.0.0.1', port: desktop.port });

test('an empty desktop is a whole picture of the right size, and blank', async () => {
  const client = await connect();
  const picture = await client.takePicture();
  assert.deepEqual([picture.width, picture.height, picture.pixels.length], [800, 600, 800 * 600 * 4]);
  assert.equal(isBlank(picture), true);
  client.close();
});

test('a window with text is damage, and no longer blank', async () => {
  const client = await connect();
  await client.takePicture();
  client.requestUpdate();
  const update = once(client, 'update') as Promise<[readonly Rect[]]>;
  const colours = 'for c in $(seq 16 80); do printf "\\033[48;5;%dm word" $c; done; exec cat';
  desktop.run('xterm', ['-geometry', '80x20+40+30', '-e', 'bash', '-c', colours]);
  const [damage] = await update;
  assert.ok(damage.every((rect) => rect.x + rect.width <= 800 && rect.y + rect.height <= 600));
  for (let picture = await client.takePicture(); isBlank(picture); picture = await client.takePicture()) {
    client.requestUpdate();
    await once(client, 'update', { signal: AbortSignal.timeout(20_000) });
  }
  client.close();
});

test('typing changes the picture; continuous updates bring it without being asked', async () => {
  const client = await connect();
  if (!client.supportsContinuousUpdates) await once(client, 'continuous');
  await client.takePicture();
  client.continuousUpdates(true);
  client.pointer(200, 100, 0);
  for (const keysym of [0x61, 0x62, 0x63]) {
    const update = once(client, 'update');
    client.key(keysym, true);
    client.key(keysym, false);
    await update;
  }
  client.close();
});

test('the cursor has a shape with transparency and a hotspot inside it', async () => {
  const client = await connect();
  const shape = once(client, 'cursor');
  await client.takePicture();
  const [cursor] = await shape;
  assert.equal(cursor.rgba.length, cursor.width * cursor.height * 4);
  assert.ok(cursor.hotspotX < Math.max(1, cursor.width));
  client.close();
});

test('clipboard text goes in and comes out, beyond Latin-1; what is merely selected does not', async () => {
  const client = await connect();
  if (!client.supportsContinuousUpdates) await once(client, 'continuous');
  await client.takePicture();
  client.clipboard('grüße 日本 🙂\nsecond line');
  const read = execFile('xclip', ['-selection', 'clipboard', '-o'], { env: desktop.env });
  assert.equal((await read).stdout, 'grüße 日本 🙂\nsecond line');

  const selected = desktop.run('xclip', ['-selection', 'primary', '-i', '-quiet'], 'selected');
  const selection = () => execFile('xclip', ['-selection', 'primary', '-o'], { env: desktop.env });
  while ((await selection()).stdout !== 'selected') assert.equal(selected.exitCode, null);
  const copied = once(client, 'clipboard', { signal: AbortSignal.timeout(20_000) });
  const write = desktop.run('xclip', ['-selection', 'clipboard', '-i', '-quiet'], 'zurück 🙂');
  assert.deepEqual(await copied, ['zurück 🙂']);
  selected.kill();
  write.kill();
  client.close();
});

test('the desktop takes another size on the same connection, and sends all of it', async () => {
  const client = await connect();
  await client.takePicture();
  assert.equal(client.supportsSetSize, true);
  const resized = once(client, 'resize');
  client.setSize(1000, 640);
  client.requestUpdate();
  assert.deepEqual(await resized, [1000, 640]);
  const picture = await client.takePicture();
  assert.deepEqual([picture.width, picture.height], [1000, 640]);
  client.setSize(100_000, 10);
  assert.equal((await client.takePicture()).width, 1000, 'a size beyond the bound is not asked for');
  client.close();
});
