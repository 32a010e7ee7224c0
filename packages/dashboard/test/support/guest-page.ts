import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import type { Desktop } from '../../../rfb/test/desktop.ts';

/** Left: a field that is typed into. Right: colours, which tell of clicks, and a text to copy. F8 copies another text, F9 an image. All reported. */
const PAGE = `<!doctype html><title>guest</title>
<style>
  body { margin: 0; display: grid; grid-template-columns: 1fr 1fr; height: 100vh; font: 28px sans-serif; }
  textarea { border: 0; padding: 24px; font: inherit; outline: none; background: #f5d90a; }
  #pad { background: #0b6e99; color: #fff; padding: 24px; cursor: crosshair; }
  #pad.on { background: #b3261e; }
</style>
<textarea autofocus></textarea><div id="pad">Press here</div>
<script>
const tell = (what) => fetch('/told', { method: 'POST', body: JSON.stringify(what) });
const field = document.querySelector('textarea'), pad = document.querySelector('#pad');
field.addEventListener('input', () => tell({ type: 'text', value: field.value }));
field.addEventListener('click', (event) => tell({ type: 'focus', value: [event.clientX, event.clientY] }));
addEventListener('keydown', (event) => tell({ type: 'keydown', value: event.key }));
addEventListener('keyup', (event) => tell({ type: 'keyup', value: event.key }));
addEventListener('paste', async (event) => {
  tell({ type: 'paste', value: 1 });
  const file = event.clipboardData.files[0];
  if (file === undefined) return;
  const bitmap = await createImageBitmap(file);
  const context = new OffscreenCanvas(1, 1).getContext('2d');
  context.drawImage(bitmap, 0, 0);
  tell({ type: 'image', value: [bitmap.width, bitmap.height, ...context.getImageData(0, 0, 1, 1).data] });
});
addEventListener('keydown', async ({ key }) => {
  if (key === 'F8') await navigator.clipboard.writeText('copied by F8');
  if (key !== 'F9') return;
  const canvas = new OffscreenCanvas(50, 20), context = canvas.getContext('2d');
  context.fillStyle = '#0a7d5a';
  context.fillRect(0, 0, 50, 20);
  await navigator.clipboard.write([new ClipboardItem({ 'image/png': canvas.convertToBlob() })]);
  tell({ type: 'image-copied', value: 1 });
});
addEventListener('wheel', (event) => {
  if (event.ctrlKey) event.preventDefault();
  tell({ type: event.ctrlKey ? 'zoom' : 'wheel', value: Math.sign(event.deltaY) });
}, { passive: false });
addEventListener('resize', () => tell({ type: 'size', value: [innerWidth, innerHeight] }));
addEventListener('contextmenu', (event) => { event.preventDefault(); tell({ type: 'contextmenu', value: 1 }); });
pad.addEventListener('click', async (event) => {
  pad.classList.toggle('on');
  tell({ type: 'click', value: [event.clientX, event.clientY] });
  await navigator.clipboard.writeText('copied in the guest');
});
tell({ type: 'loaded', value: 1 });
</script>`;

export interface Told {
  readonly type: string;
  readonly value: unknown;
}

/** A Chromium on a desktop, showing one page that tells what happens to it. */
export class GuestPage {
  readonly told: Told[] = [];
  readonly #server: Server;
  #browser: BrowserContext | null = null;
  #profile = '';
  #waiting: (() => void)[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      if (request.method !== 'POST') {
        response.setHeader('content-type', 'text/html').end(PAGE);
        return;
      }
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        this.told.push(JSON.parse(body));
        for (const wake of this.#waiting.splice(0)) wake();
        response.writeHead(204).end();
      });
    });
  }

  static async open(desktop: Desktop): Promise<GuestPage> {
    const page = new GuestPage();
    page.#server.listen(0, '127.0.0.1');
    await once(page.#server, 'listening');
    const url = `http://127.0.0.1:${(page.#server.address() as AddressInfo).port}/`;
    page.#profile = await mkdtemp(join(tmpdir(), 'browser-vm-guest-'));
    page.#browser = await chromium.launchPersistentContext(page.#profile, {
      executablePath: '/usr/bin/chromium',
      headless: false,
      viewport: null,
      permissions: ['clipboard-read', 'clipboard-write'],
      env: desktop.env,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--no-first-run',
        '--kiosk',
        '--window-position=0,0',
        '--window-size=1280,720',
        `--app=${url}`,
      ],
    });
    await page.until(({ type }) => type === 'loaded');
    return page;
  }

  /** The first thing told after the given count that is wanted. */
  async until(wanted: (told: Told) => boolean, after = 0): Promise<Told> {
    const deadline = AbortSignal.timeout(60_000);
    for (;;) {
      const found = this.told.slice(after).find(wanted);
      if (found !== undefined) return found;
      if (deadline.aborted) throw new Error(`the guest told: ${JSON.stringify(this.told.slice(after))}`);
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  /** Turns the colour of the right side to the other one, without anybody's click. */
  async turnColour(): Promise<void> {
    await this.#browser?.pages()[0]?.evaluate(`document.querySelector('#pad').classList.toggle('on')`);
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    this.#server.close();
    await rm(this.#profile, { recursive: true, force: true });
  }
}
