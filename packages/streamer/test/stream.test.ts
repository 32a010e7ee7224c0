import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Desktop } from '../../rfb/test/desktop.ts';
import { StreamerProcess } from './process.ts';
import { ViewerBrowser } from './viewer-page.ts';

/** Text in many colours; a click or the key k turns black to white and back. */
const PROGRAM = `for c in $(seq 16 80); do printf "\\033[48;5;%dm word" $c; done; printf "\\033[0m\\n"
stty raw -echo; printf "\\033[?1000h\\033[?1006h"; on=0
while IFS= read -rn1 c; do case $c in M|k) on=$((1-on)); [ $on = 1 ] && printf "\\033[?5h" || printf "\\033[?5l";; esac; done`;

let desktop: Desktop;
let browser: ViewerBrowser;
before(async () => {
  desktop = await Desktop.start('1280x720');
  desktop.run('xterm', ['-geometry', '212x55+0+0', '-e', 'bash', '-c', PROGRAM]);
  browser = await ViewerBrowser.start();
});
after(async () => {
  await browser.stop();
  await desktop.stop();
});

test('an offer is answered before there is a desktop; its pixels, input and silence follow', async () => {
  const streamer = await StreamerProcess.start();
  const viewer = await browser.view(streamer);
  await streamer.event('answer');
  await viewer.until('state.frames > 0');
  console.log('first frame', await viewer.read('state.firstFrameMs'));
  assert.equal(
    streamer.events.some((event) => event.type === 'attached'),
    false,
  );
  streamer.send({ type: 'attach', host: '127.0.0.1', port: desktop.port, firstPicture: null });
  await streamer.event('first_picture');
  await viewer.until('colours() > 20');
  await viewer.rest();
  const lat: number[] = [];
  for (let i = 0; i < 20; i += 1) {
    lat.push(await viewer.read('clickToPixel()'));
    await new Promise((r) => setTimeout(r, 300));
  }
  lat.sort((a, b) => a - b);
  console.log('click', lat.map((x) => Math.round(x)).join(' '));
  await viewer.rest();
  const a = await viewer.stats();
  console.log(a, a.qpSum / a.decoded);
  await new Promise((r) => setTimeout(r, 3000));
  console.log(await viewer.stats());
  console.log(
    streamer.events.map((e) => e.type).join(' '),
    JSON.stringify(await viewer.read('state.messages.map(m=>({...m,rgba:undefined}))')),
    await viewer.read('unknown.readyState'),
  );
  await streamer.stop();
});
