import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { freePort } from '../../../packages/rfb/test/desktop.ts';
import { startFirefox } from '../../support/firefox.ts';
import type { Networks } from './networks.ts';

export const BROWSERS = ['chromium', 'firefox'] as const;
export type BrowserName = (typeof BROWSERS)[number];

/** Somebody in the person's network, before one of the browsers; both are driven in the same words. */
export class Person {
  readonly browser: Browser;
  readonly #end: () => Promise<void>;

  private constructor(browser: Browser, end: () => Promise<void>) {
    this.browser = browser;
    this.#end = end;
  }

  /**
   * `origin`: of the controller, which counts as a secure one, as HTTPS would. `authorityFile`: PEM of a certificate
   * authority that Firefox trusts; Chromium trusts every certificate.
   */
  static async before(
    name: BrowserName,
    networks: Networks,
    { origin, authorityFile }: { readonly origin: string; readonly authorityFile: string },
  ): Promise<Person> {
    if (name === 'chromium') {
      const browser = await puppeteer.launch({
        browser: 'chrome',
        executablePath: await networks.inPersonsNetwork('/usr/bin/chromium'),
        pipe: true,
        headless: true,
        args: [
          ...'--no-sandbox --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'.split(
            ' ',
          ),
          `--unsafely-treat-insecure-origin-as-secure=${origin}`,
          '--ignore-certificate-errors',
        ],
      });
      return new Person(browser, async () => {});
    }
    const policies = await mkdtemp(join(tmpdir(), 'browser-vm-policies-'));
    const install = { policies: { Certificates: { Install: [authorityFile] } } };
    await writeFile(join(policies, 'policies.json'), JSON.stringify(install));
    const port = await freePort();
    const stopLeading = await leadIntoNetwork(networks.person, port);
    const end = async () => {
      stopLeading();
      await rm(policies, { recursive: true });
    };
    try {
      const browser = await startFirefox({
        program: await networks.inPersonsNetwork(
          '/usr/bin/firefox-esr',
          `mount --bind ${policies} /usr/share/firefox-esr/distribution`,
        ),
        port,
        preferences: { 'dom.securecontext.allowlist': new URL(origin).hostname },
      });
      return new Person(browser, end);
    } catch (error) {
      await end();
      throw error;
    }
  }

  async newPage(): Promise<Page> {
    const page = await this.browser.newPage();
    await page.setViewport({ width: 1280, height: 800 });
    page.setDefaultTimeout(60_000);
    return page;
  }

  async leave(): Promise<void> {
    await this.browser.close();
    await this.#end();
  }
}

const PIPE = `const socket = require('net').connect(Number(process.argv[1]), '127.0.0.1');
process.stdin.pipe(socket).pipe(process.stdout)`;

/**
 * Connections to that port of loopback reach the same one of the network's loopback, whatever else the network lets
 * through: Firefox is driven over TCP. The returned function stops that.
 */
async function leadIntoNetwork(namespace: string, port: number): Promise<() => void> {
  const ends = new Set<() => void>();
  const server = createServer((socket) => {
    const argv = ['netns', 'exec', namespace, process.execPath, '-e', PIPE, String(port)];
    const pipe = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
    const end = () => {
      socket.destroy();
      pipe.kill();
      ends.delete(end);
    };
    ends.add(end);
    socket.on('error', end).on('close', end);
    pipe.on('exit', end);
    pipe.stdin.on('error', end);
    socket.pipe(pipe.stdin);
    pipe.stdout.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return () => {
    server.close();
    for (const end of ends) end();
  };
}
