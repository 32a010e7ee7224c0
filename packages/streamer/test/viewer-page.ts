import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StreamerEvent, ViewerMode } from '@browser-vm/protocol';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import type { StreamerProcess } from './process.ts';

/** What runs in the viewer's page: the offer, the channels, and a look at the decoded pixels. */
const PAGE = `<!doctype html><body style="margin:0"><video muted autoplay playsinline style="width:640px;height:360px"></video><script>
const video = document.querySelector('video');
const canvas = new OffscreenCanvas(1280, 720);
const context = canvas.getContext('2d', { willReadFrequently: true });
const state = { frames: 0, sounds: 0, messages: [], firstFrameMs: null, changes: [] };
let peer, pointer, input, desktop, openedAt, sample = null, lastSide = null;
const queued = [];
function look() {
  context.drawImage(video, 0, 0, 1280, 720);
  return context.getImageData(0, 0, 1280, 720).data;
}
function colours() {
  const data = look(), set = new Set();
  for (let at = 0; at < data.length; at += 4) set.add((data[at] >> 3) << 10 | (data[at + 1] >> 3) << 5 | data[at + 2] >> 3);
  return set.size;
}
function side() {
  context.drawImage(video, 600, 500, 8, 8, 0, 0, 8, 8);
  return context.getImageData(4, 4, 1, 1).data[1] > 128;
}
function onFrame() {
  state.frames += 1;
  state.lastFrameAt = performance.now();
  if (state.firstFrameMs === null) state.firstFrameMs = performance.now() - openedAt;
  const now = side();
  if (lastSide !== null && now !== lastSide) state.changes.push(performance.now());
  lastSide = now;
  video.requestVideoFrameCallback(onFrame);
}
async function start() {
  openedAt = performance.now();
  peer = new RTCPeerConnection();
  pointer = peer.createDataChannel('pointer', { ordered: false, maxRetransmits: 0 });
  input = peer.createDataChannel('input');
  desktop = peer.createDataChannel('desktop');
  window.unknown = peer.createDataChannel('something-else');
  desktop.onmessage = ({ data }) => state.messages.push(JSON.parse(data));
  peer.addTransceiver('video', { direction: 'recvonly' });
  peer.addTransceiver('audio', { direction: 'recvonly' });
  peer.ontrack = ({ track, receiver }) => {
    if (track.kind === 'audio') { hear(track); return; }
    receiver.jitterBufferTarget = 0;
    video.srcObject = new MediaStream([track]);
    video.requestVideoFrameCallback(onFrame);
  };
  peer.onicecandidate = ({ candidate }) => window.say('candidate', candidate ? candidate.toJSON() : { candidate: '' });
  await peer.setLocalDescription();
  window.say('offer', peer.localDescription.sdp);
}
let analyser;
function hear(track) {
  state.sounds += 1;
  const stream = new MediaStream([track]);
  // Chromium decodes only what an element plays.
  Object.assign(new Audio(), { srcObject: stream, muted: true }).play();
  const audio = new AudioContext();
  analyser = new AnalyserNode(audio, { fftSize: 8192, smoothingTimeConstant: 0 });
  audio.createMediaStreamSource(stream).connect(analyser);
}
/** The loudest of what is heard. */
function peak() {
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  const at = levels.indexOf(Math.max(...levels));
  return { hertz: at * analyser.context.sampleRate / analyser.fftSize, decibels: levels[at] };
}
async function soundPackets() {
  for (const entry of (await peer.getStats()).values()) {
    if (entry.type === 'inbound-rtp' && entry.kind === 'audio') return entry.packetsReceived;
  }
  return 0;
}
/** Resolves when half a second has passed without a packet of sound. */
async function soundRests() {
  for (let before = -1, now = 0; before !== now; before = now, now = await soundPackets()) {
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
/** Another connection in place of the present one; resolves when it carries input. */
async function restart() {
  const before = peer;
  await start();
  while (input.readyState !== 'open') await new Promise((resolve) => setTimeout(resolve, 20));
  before.close();
}
async function route() {
  const report = await peer.getStats(), entries = [...report.values()];
  const { selectedCandidatePairId } = entries.find(({ type }) => type === 'transport');
  const pair = report.get(selectedCandidatePairId);
  return { local: report.get(pair.localCandidateId), remote: report.get(pair.remoteCandidateId) };
}
async function answer(sdp) {
  await peer.setRemoteDescription({ type: 'answer', sdp });
  for (const candidate of queued.splice(0)) await peer.addIceCandidate(candidate);
}
async function candidate(candidate) {
  if (candidate.candidate === '') return;
  if (peer.remoteDescription === null) queued.push(candidate); else await peer.addIceCandidate(candidate);
}
async function stats() {
  for (const entry of (await peer.getStats()).values()) {
    if (entry.type === 'inbound-rtp' && entry.kind === 'video') return { received: entry.framesReceived, decoded: entry.framesDecoded, bytes: entry.bytesReceived, qpSum: entry.qpSum, pli: entry.pliCount, keyFrames: entry.keyFramesDecoded };
  }
}
async function askForKeyFrame() {
  const code = \`onrtctransform = ({ transformer }) => {
    transformer.readable.pipeTo(transformer.writable);
    onmessage = async () => { await transformer.sendKeyFrameRequest(); postMessage('asked'); };
    postMessage('ready');
  }\`;
  const worker = new Worker(URL.createObjectURL(new Blob([code])));
  const heard = () => new Promise((resolve) => { worker.onmessage = resolve; });
  const ready = heard();
  peer.getReceivers()[0].transform = new RTCRtpScriptTransform(worker, {});
  await ready;
  const asked = heard();
  worker.postMessage('ask');
  await asked;
}
async function clickToPixel() {
  const before = state.changes.length, at = performance.now();
  input.send(JSON.stringify({ type: 'button', button: 'left', pressed: true, x: 300, y: 300 }));
  input.send(JSON.stringify({ type: 'button', button: 'left', pressed: false, x: 300, y: 300 }));
  while (state.changes.length === before) await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  return state.changes[before] - at;
}
</script></body>`;

export interface PageStats {
  readonly received: number;
  readonly decoded: number;
  readonly bytes: number;
  readonly qpSum: number;
  readonly pli: number;
  readonly keyFrames: number;
}

/** A real Chromium that views, with a profile of its own. */
export class ViewerBrowser {
  readonly #context: BrowserContext;
  readonly #profile: string;

  private constructor(context: BrowserContext, profile: string) {
    this.#context = context;
    this.#profile = profile;
  }

  static async start(): Promise<ViewerBrowser> {
    const profile = await mkdtemp(join(tmpdir(), 'viewer-'));
    const flags =
      '--no-sandbox --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required';
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: '/usr/bin/chromium',
      args: flags.split(' '),
    });
    return new ViewerBrowser(context, profile);
  }

  /** Opens a page that views this streamer. */
  async view(streamer: StreamerProcess, mode: ViewerMode = 'control'): Promise<ViewerPage> {
    const viewerId = randomUUID();
    const page = await this.#context.newPage();
    const opened = new ViewerPage(page, viewerId);
    await page.exposeFunction('say', (what: string, value: never) => {
      if (what === 'offer') streamer.send({ type: 'offer', viewerId, sdp: value, mode });
      else streamer.send({ type: 'candidate', viewerId, candidate: value });
    });
    streamer.listen((event) => opened.hear(event));
    await page.setContent(PAGE);
    await page.evaluate('start()');
    return opened;
  }

  async stop(): Promise<void> {
    await this.#context.close();
    await rm(this.#profile, { recursive: true, force: true });
  }
}

export class ViewerPage {
  readonly page: Page;
  readonly viewerId: string;

  constructor(page: Page, viewerId: string) {
    this.page = page;
    this.viewerId = viewerId;
  }

  hear(event: StreamerEvent): void {
    if (event.type === 'answer' && event.viewerId === this.viewerId) {
      void this.#call('answer', event.sdp);
    } else if (event.type === 'candidate' && event.viewerId === this.viewerId) {
      void this.#call('candidate', event.candidate);
    }
  }

  /** Waits until an expression of the page is true; checked with each animation frame. */
  async until(expression: string): Promise<void> {
    await this.page.waitForFunction(expression, undefined, { timeout: 30_000 });
  }

  async read<T>(expression: string): Promise<T> {
    return (await this.page.evaluate(expression)) as T;
  }

  /** Waits until the picture is at rest: its last repetition comes a second after the one before. */
  async rest(): Promise<void> {
    await this.until('performance.now() - state.lastFrameAt > 1300');
  }

  /** Presses and releases a key. */
  async press(code: string, keysym: number): Promise<void> {
    await this.read(`for (const pressed of [true, false]) {
      input.send(JSON.stringify({ type: 'key', keysym: ${keysym}, code: '${code}', pressed }));
    }`);
  }

  stats(): Promise<PageStats> {
    return this.read('stats()');
  }

  #call(name: string, value: unknown): Promise<unknown> {
    // A page that was closed meanwhile has nothing to hear.
    return this.page.evaluate(`${name}(${JSON.stringify(value)})`).catch(() => undefined);
  }
}
