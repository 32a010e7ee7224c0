import assert from 'node:assert/strict';
import { execFile as execFileCallback } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Desktop, freePort } from '../../rfb/test/desktop.ts';
import { StreamerProcess } from './process.ts';
import { SoundServer } from './sound-server.ts';
import { ViewerBrowser, type ViewerPage } from './viewer-page.ts';

const execFile = promisify(execFileCallback);

/** Text in many colours; a click or the key k turns black to white and back. */
const PROGRAM = `for c in $(seq 16 80); do printf "\\033[48;5;%dm word" $c; done; printf "\\033[0m\\n"
stty raw -echo; printf "\\033[?1000h\\033[?1006h"; on=0
while IFS= read -rn1 c; do case $c in M|k) on=$((1-on)); [ $on = 1 ] && printf "\\033[?5h" || printf "\\033[?5l";; esac; done`;

/** Any user but root: nobody. */
const UID = 65_534;

async function startDesktop(port?: number): Promise<Desktop> {
  const desktop = await Desktop.start('1280x720', port);
  desktop.run('xterm', ['-geometry', '212x55+0+0', '-e', 'bash', '-c', PROGRAM]);
  return desktop;
}

let desktop: Desktop;
let browser: ViewerBrowser;
let streamer: StreamerProcess;
let viewer: ViewerPage;

before(async () => {
  desktop = await startDesktop();
  browser = await ViewerBrowser.start();
  streamer = await StreamerProcess.start({
    BROWSER_VM_STREAMER_UID: String(UID),
    BROWSER_VM_STREAMER_GID: String(UID),
  });
});
after(async () => {
  await browser.stop();
  await streamer.stop();
  await desktop.stop();
});

test('every thread of a ready streamer has given up its privileges', async () => {
  const status = await readFile(`/proc/${streamer.child.pid}/status`, 'utf8');
  const ids = new Array(4).fill(UID).join('\t');
  assert.match(status, new RegExp(`^Uid:\t${ids}$`, 'm'));
  assert.match(status, new RegExp(`^Gid:\t${ids}$`, 'm'));
  assert.match(status, /^Groups:\s*$/m);
  assert.match(status, /^CapEff:\t0+$/m);
  const threads = await execFile('sh', ['-c', `cat /proc/${streamer.child.pid}/task/*/status`]);
  for (const line of threads.stdout.match(/^Uid:.*$/gm) ?? []) assert.equal(line, `Uid:\t${ids}`);
});

test('an offer is answered and a plain picture shown before there is a desktop', async () => {
  viewer = await browser.view(streamer);
  await viewer.until('state.frames > 0');
  assert.equal(
    streamer.events.some((event) => event.type === 'attached'),
    false,
  );
  assert.ok((await viewer.read<number>('colours()')) < 4);
  // Sound was asked for, too, and there is none.
  assert.equal(await viewer.read(`peer.getTransceivers()[1].currentDirection`), 'inactive');
  await viewer.until(`state.messages.some((message) => message.type === 'source' && !message.live)`);
});

test('attaching brings the pixels, the size and the cursor of the desktop', async () => {
  streamer.send({ type: 'attach', host: '127.0.0.1', port: desktop.port, firstPicture: null });
  const attached = await streamer.event('attached');
  assert.deepEqual([attached.width, attached.height], [1280, 720]);
  await streamer.event('first_picture');
  await viewer.until('colours() > 20');
  await viewer.until(`state.messages.some((message) => message.type === 'source' && message.live)`);
  await viewer.until(`state.messages.some((message) => message.type === 'size' && message.width === 1280)`);
  // The server shows its pointer to whoever moved it.
  await viewer.read(`pointer.send(JSON.stringify({ type: 'move', x: 300, y: 300, sequence: 0 }))`);
  await viewer.until(`state.messages.some((message) => message.type === 'cursor' && message.width > 0)`);
});

test('a click and a key in the page change the pixels it decodes', async () => {
  await viewer.rest();
  await viewer.read('clickToPixel()');
  const before = await viewer.read<number>('state.changes.length');
  await viewer.press('KeyK', 0x6b);
  await viewer.until(`state.changes.length > ${before}`);
});

test('nothing is sent while nothing changes', async () => {
  await viewer.rest();
  const before = await viewer.stats();
  await viewer.read('new Promise((resolve) => setTimeout(resolve, 2000))');
  const later = await viewer.stats();
  assert.deepEqual([later.received, later.bytes], [before.received, before.bytes]);
});

test('a key frame asked for just after the last frame is sent although nothing changes', async () => {
  await viewer.read('clickToPixel()');
  await viewer.rest();
  const before = await viewer.stats();
  await viewer.read('askForKeyFrame()');
  await viewer.until(
    `state.stats?.keyFrames > ${before.keyFrames} || (stats().then((now) => { state.stats = now; }), false)`,
  );
});

test('the picture at rest is encoded sharply', async () => {
  const { qpSum, decoded } = await viewer.stats();
  await viewer.read('clickToPixel()');
  await viewer.rest();
  const later = await viewer.stats();
  const mean = (later.qpSum - qpSum) / (later.decoded - decoded);
  assert.ok(mean < 40, `mean quantiser ${mean} of 127`);
});

test('input to a desktop that stands still is told to the host, waits, and is answered when it runs again', async () => {
  await viewer.rest();
  const before = await viewer.read<number>('state.changes.length');
  const asked = streamer.events.length;
  streamer.send({ type: 'hold' });
  await streamer.event('held', asked);
  const held = streamer.events.length;
  await viewer.press('KeyK', 0x6b);
  await streamer.event('activity', held);
  await viewer.read('new Promise((resolve) => setTimeout(resolve, 500))');
  assert.equal(await viewer.read<number>('state.changes.length'), before);
  streamer.send({ type: 'release' });
  await viewer.until(`state.changes.length > ${before}`);
  assert.ok(streamer.events.every((event) => event.type !== 'viewer' || event.state !== 'closed'));
});

test('a channel that is not in the contract is closed', async () => {
  await viewer.until(`unknown.readyState === 'closed'`);
});

test('a second viewer sees a desktop at rest at once; its end leaves the first alone', async () => {
  await viewer.rest();
  const second = await browser.view(streamer);
  await second.until('state.frames > 0 && colours() > 20');
  await second.until(`state.messages.some((message) => message.type === 'cursor' && message.width > 0)`);
  streamer.send({ type: 'disconnect', viewerId: second.viewerId });
  await streamer.viewerState(second.viewerId, 'closed');
  await viewer.read('clickToPixel()');
  await second.page.close();
});

test('the desktop takes the size its viewer wants, on the same connection, and the picture follows', async () => {
  const before = streamer.events.length;
  const mark = await viewer.read<number>('state.messages.length');
  await viewer.read(`input.send(JSON.stringify({ type: 'resize', width: 1000, height: 640 }))`);
  await viewer.until('video.videoWidth === 1000 && video.videoHeight === 640');
  await viewer.until(
    `state.messages.slice(${mark}).some(({ type, width, height }) => type === 'size' && width === 1000 && height === 640)`,
  );
  await viewer.until('colours() > 20');
  await viewer.rest();
  await viewer.read(`input.send(JSON.stringify({ type: 'resize', width: 1280, height: 720 }))`);
  await viewer.until('video.videoWidth === 1280 && colours() > 20');
  await viewer.rest();
  await viewer.read('clickToPixel()');
  const said = streamer.events.slice(before).filter(({ type }) => type !== 'activity');
  assert.deepEqual(said, [], 'nobody was connected again');
});

test('one viewer acts; the next one takes control, one that may only watch cannot', async () => {
  const control = (holder: string): string =>
    `state.messages.findLast(({ type }) => type === 'control')?.holder === '${holder}'`;
  const click = `for (const pressed of [true, false]) {
    input.send(JSON.stringify({ type: 'button', button: 'left', pressed, x: 300, y: 300 }));
  }`;
  await viewer.until(control('you'));
  const watcher = await browser.view(streamer, 'view');
  // One after the other: only the page that was opened last hears of its candidates.
  await watcher.until(`${control('other')} && input.readyState === 'open'`);
  const second = await browser.view(streamer);
  await second.until(`${control('other')} && input.readyState === 'open'`);
  await viewer.rest();
  const changes = await viewer.read<number>('state.changes.length');
  // What these two send comes before the take-over on the same ordered channel, and has no effect.
  await watcher.read(`${click} input.send('{"type":"take_control"}');`);
  await second.read(`${click} input.send('{"type":"take_control"}');`);
  await second.until(control('you'));
  await viewer.until(control('other'));
  assert.equal(await watcher.read(control('you')), false);
  await second.read('clickToPixel()');
  await second.rest();
  assert.equal(await viewer.read<number>('state.changes.length'), changes + 1);
  const seen = await second.read<number>('state.changes.length');
  await viewer.read(click);

  // Nor is what is copied told to who may not act.
  const owner = desktop.run('xclip', ['-selection', 'clipboard', '-i', '-quiet'], 'for the one in control');
  await second.until(
    `state.messages.some(({ type, text }) => type === 'clipboard' && text.includes('control'))`,
  );
  for (const other of [viewer, watcher]) {
    assert.equal(await other.read(`state.messages.some(({ text }) => text?.includes('in control'))`), false);
  }
  owner.kill();
  assert.equal(await second.read<number>('state.changes.length'), seen, 'the first clicked without effect');

  await second.page.close();
  await viewer.until(control('you'));
  await viewer.read('clickToPixel()');
  await watcher.page.close();
});

test('clipboard text goes both ways', async () => {
  const text = 'zwei Zeilen\nund ein 🙂';
  await viewer.read(`input.send(JSON.stringify({ type: 'clipboard', text: ${JSON.stringify(text)} }))`);
  const pasted = async (): Promise<string> =>
    (await execFile('xclip', ['-selection', 'clipboard', '-o'], { env: desktop.env })).stdout;
  const deadline = performance.now() + 10_000;
  while ((await pasted().catch(() => '')) !== text) assert.ok(performance.now() < deadline);

  const owner = desktop.run('xclip', ['-selection', 'clipboard', '-i', '-quiet'], 'copied there');
  await viewer.until(
    `state.messages.some((message) => message.type === 'clipboard' && message.text === 'copied there')`,
  );
  owner.kill();
});

test('a viewer hears what the desktop plays while it wants to; otherwise no packet is sent', async (t) => {
  const server = await SoundServer.start();
  t.after(() => server.stop());
  const own = await StreamerProcess.start({}, { soundPort: server.port });
  t.after(() => own.stop());
  // Sound needs no picture: nothing listens there.
  own.send({ type: 'attach', host: '127.0.0.1', port: 1, firstPicture: null });
  const listener = await browser.view(own, 'view');
  const stopTone = server.playTone(440);
  await listener.until(`state.sounds === 1 && state.frames > 0 && input.readyState === 'open'`);
  await server.untilListened(0);
  await listener.read(`input.send('{"type":"sound","on":true}')`);
  await listener.until('Math.abs(peak().hertz - 440) < 20 && peak().decibels > -50');
  await server.untilListened(1);

  // Silence is not sent, though the desktop is listened to.
  stopTone();
  await listener.read('soundRests()');
  await listener.until('peak().decibels < -90');
  await server.untilListened(1);
  await listener.read(`input.send('{"type":"sound","on":false}')`);
  await server.untilListened(0);
  await listener.page.close();
});

test('a viewer that sends what is no message is sent away', async () => {
  const rude = await browser.view(streamer);
  await rude.until('state.frames > 0');
  await rude.read(`{ for (let count = 0; count < 150; count += 1) input.send('{"type":"key"}'); }`);
  await streamer.viewerState(rude.viewerId, 'closed');
  await rude.page.close();
});

test('another offer of a viewer takes the place of its connection; the picture and input go on', async () => {
  await viewer.rest();
  const frames = await viewer.read<number>('state.frames');
  await viewer.read('restart()');
  await viewer.until(`state.frames > ${frames} && colours() > 20`);
  await viewer.read('clickToPixel()');
});

test('offers that are none are refused by name, and leave the connection they came on alone', async () => {
  const viewerId = randomUUID();
  const before = streamer.events.length;
  streamer.send({ type: 'offer', viewerId, sdp: 'v=0\r\nrubbish', mode: 'control' });
  const refused = await streamer.event('refused', before);
  assert.equal(refused.viewerId, viewerId);
  assert.equal(refused.fault.code, 'offer_refused');
  const again = streamer.events.length;
  streamer.send({ type: 'offer', viewerId: viewer.viewerId, sdp: 'v=0\r\n', mode: 'control' });
  assert.equal((await streamer.event('refused', again)).fault.code, 'offer_refused');
  const other = streamer.events.length;
  streamer.send({ type: 'offer', viewerId: viewer.viewerId, sdp: 'v=0\r\n', mode: 'view' });
  assert.equal((await streamer.event('refused', other)).fault.code, 'viewer_of_another');
  await viewer.read('clickToPixel()');
});

test('media stays within the configured ports and addresses, and announced addresses stand beside them', async () => {
  const [own = '127.0.0.1'] = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  const ports = { min: 42_610, max: 42_617 };
  const offeredSubnets = [`${own}/32`];
  const configuration = { udpPortRange: ports, announcedAddresses: ['192.0.2.7'], offeredSubnets };
  const bound = await StreamerProcess.start({}, configuration);
  const page = await browser.view(bound);
  await page.until('state.frames > 0');
  const { sdp } = await bound.event('answer');
  const trickled = bound.events.flatMap((event) =>
    event.type === 'candidate' ? [event.candidate.candidate] : [],
  );
  const candidates = [...(sdp.match(/candidate:.*/g) ?? []), ...trickled]
    .filter((line) => line !== '')
    .map((line) => line.split(' '));
  const portsOf = (address: string) =>
    new Set(candidates.filter((words) => words[4] === address).map((words) => Number(words[5])));
  assert.ok(portsOf(own).size > 0, `no candidate of ${own}`);
  assert.deepEqual(new Set(candidates.map((words) => words[4])), new Set([own, '192.0.2.7']));
  for (const port of portsOf(own)) assert.ok(portsOf('192.0.2.7').has(port), `${port} is not announced`);
  for (const words of candidates) {
    assert.equal(words[2]?.toLowerCase(), 'udp');
    assert.ok(Number(words[5]) >= ports.min && Number(words[5]) <= ports.max, words.join(' '));
  }
  const from = await page.read<number>('route().then(({ remote }) => remote.port)');
  assert.ok(from >= ports.min && from <= ports.max, `media came from port ${from}`);
  await page.page.close();
  await bound.stop();
});

test('a desktop that goes away and comes back is shown again, over the same connection', async () => {
  const before = streamer.events.length;
  const { port } = desktop;
  await desktop.stop();
  const detached = await streamer.event('detached', before);
  assert.equal(detached.fault.code, 'vnc_lost');
  await viewer.until(`state.messages.at(-1).type === 'source' && !state.messages.at(-1).live`);
  desktop = await startDesktop(port);
  await streamer.event('attached', before);
  await viewer.until(`state.messages.findLast((message) => message.type === 'source').live`);
  await viewer.rest();
  await viewer.read('clickToPixel()');
});

test('a stored picture is shown until the desktop has one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'first-picture-'));
  const path = join(folder, 'picture.bgrx');
  const pixels = Buffer.alloc(640 * 360 * 4);
  for (let at = 0; at < pixels.length; at += 4) {
    const x = (at / 4) % 640;
    pixels.writeUInt32LE(((x >> 4) * 0x060000) | ((x >> 3) * 0x000300), at);
  }
  await writeFile(path, pixels);
  await chmod(folder, 0o755);
  const own = await StreamerProcess.start();
  const page = await browser.view(own);
  await page.until('video.videoWidth === 1280');
  const port = await freePort();
  own.send({ type: 'attach', host: '127.0.0.1', port, firstPicture: { path, width: 640, height: 360 } });
  await page.until('video.videoWidth === 640 && colours() > 20');
  await page.until(`state.messages.some((message) => message.type === 'size' && message.width === 640)`);
  assert.equal(
    own.events.some((event) => event.type === 'first_picture'),
    false,
  );
  // A server that comes late is found.
  const late = await startDesktop(port);
  await own.event('first_picture');
  await page.until('video.videoWidth === 1280 && colours() > 20');
  await late.stop();
  await page.page.close();
  await own.stop();
  await rm(folder, { recursive: true });
});

test('a streamer ends by itself, well, when its host is gone, viewers and all', async () => {
  const own = await StreamerProcess.start();
  own.send({ type: 'attach', host: '127.0.0.1', port: desktop.port, firstPicture: null });
  const page = await browser.view(own);
  await page.until('state.frames > 0 && colours() > 20');
  assert.equal(await own.stop(), 0);
  await page.page.close();

  const closed = await StreamerProcess.start();
  const exit = once(closed.child, 'exit');
  closed.send({ type: 'close' });
  assert.deepEqual(await exit, [0, null]);
});
