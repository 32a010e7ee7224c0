import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { RfbClient } from '@browser-vm/rfb';
import { chromium } from 'playwright-core';
import { z } from 'zod';
import { Desktop, freePort } from '../../packages/rfb/test/desktop.ts';
import { DESKTOP_PAGE } from './desktop-page.ts';
import { HOST_ADDRESS } from './links.ts';
import { postToNative } from './native-api.ts';
import { lightOf } from './picture-quality.ts';
import type { Target, Transport } from './round.ts';

const readySchema = z.object({ sessionId: z.string(), streamerPid: z.number() });

/** A desktop on this machine, with Chromium and the page under test on it. */
export class NativeDesktop {
  readonly port: number;
  readonly displayPid: number;
  readonly #undo: (() => Promise<unknown>)[] = [];

  private constructor(desktop: Desktop) {
    this.port = desktop.port;
    this.displayPid = desktop.server.pid ?? 0;
    this.#undo.push(() => desktop.stop());
  }

  static async start(): Promise<NativeDesktop> {
    const desktop = await Desktop.start('1280x720');
    const native = new NativeDesktop(desktop);
    const undo = native.#undo;
    const server = createServer((_, response) => {
      response.setHeader('content-type', 'text/html').end(DESKTOP_PAGE);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    undo.push(async () => server.close());
    const profile = await mkdtemp(path.join(os.tmpdir(), 'browser-vm-desktop-'));
    undo.push(() => rm(profile, { recursive: true, force: true }));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const browser = await chromium.launchPersistentContext(profile, {
      executablePath: '/usr/bin/chromium',
      headless: false,
      viewport: null,
      env: desktop.env,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--no-first-run',
        '--disable-background-networking',
        '--kiosk',
        '--window-position=0,0',
        '--window-size=1280,720',
        `--app=${url}`,
      ],
    });
    undo.push(() => browser.close());
    await browser.pages()[0]?.waitForLoadState();
    return native;
  }

  /** The desktop as its X server has it. */
  async light(): Promise<Buffer> {
    const client = await RfbClient.connect({ host: '127.0.0.1', port: this.port });
    try {
      return lightOf((await client.takePicture()).pixels);
    } finally {
      client.close();
    }
  }

  async stop(): Promise<void> {
    for (const undo of this.#undo.reverse()) await undo().catch((error: unknown) => console.error(error));
  }
}

/** A controller with one session that shows that desktop. */
export class NativeTarget implements Target {
  readonly sessionId: string;
  readonly displayPid: number;
  readonly #port: number;
  readonly #streamerPid: number;
  readonly #child: ChildProcess;
  readonly #state: string;
  readonly #desktop: NativeDesktop;

  private constructor(
    child: ChildProcess,
    state: string,
    port: number,
    desktop: NativeDesktop,
    ready: z.infer<typeof readySchema>,
  ) {
    this.#child = child;
    this.#state = state;
    this.#desktop = desktop;
    this.displayPid = desktop.displayPid;
    this.sessionId = ready.sessionId;
    this.#port = port;
    this.#streamerPid = ready.streamerPid;
  }

  static async start(desktop: NativeDesktop): Promise<NativeTarget> {
    const state = await mkdtemp(path.join(os.tmpdir(), 'browser-vm-latency-'));
    const port = await freePort();
    const program = path.join(import.meta.dirname, 'desktop-host-process.ts');
    const child = fork(program, [String(desktop.port), HOST_ADDRESS, String(port), state], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the controller ended with ${code}`);
    });
    ended.catch(() => {});
    const [message] = await Promise.race([once(child, 'message'), ended]);
    return new NativeTarget(child, state, port, desktop, readySchema.parse(message));
  }

  async newSignInLink(): Promise<string> {
    const answer = await postToNative(this.#port, '/api/sign-in-links', {});
    return z.object({ url: z.url() }).parse(answer).url;
  }

  async senders(transport: Transport): Promise<readonly number[]> {
    return [transport === 'webrtc' ? this.#streamerPid : (this.#child.pid ?? 0)];
  }

  reference(): Promise<Buffer> {
    return this.#desktop.light();
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'exit');
      this.#child.disconnect();
      await gone;
    }
    await rm(this.#state, { recursive: true, force: true });
  }
}
