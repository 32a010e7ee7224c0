import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { credentialSchema, PROVIDERS } from '@browser-vm/protocol';
import { type IdentityProvider, startIdentityProvider } from '../../../test/identity-provider/index.ts';
import { cpuRefreshesEachDraw } from '../src/desktop/random-state.ts';
import { codexDirectory } from './support/codex.ts';
import { type Guest, startGuest, TOKEN } from './support/guest.ts';
import { inOwnNamespaces, WORLD } from './support/namespace.ts';
import { Person } from './support/person.ts';

/** Larger than X passes on at once; nobody looks behind a PNG's beginning. */
const IMAGE = Buffer.alloc(3_000_000, Buffer.from('89504e470d0a1a0a', 'hex'));

async function copiesImages(guest: Guest): Promise<void> {
  const path = '/v1/clipboard/image';
  assert.equal((await guest.call('GET', path)).status, 204);
  assert.equal((await guest.call('PUT', path, Buffer.from('GIF89a'))).status, 400);
  assert.equal((await guest.call('PUT', path, IMAGE)).status, 204);
  await guest.event('clipboard', ({ hasImage }) => hasImage);
  const copied = Buffer.from(await (await guest.call('GET', path)).arrayBuffer());
  assert.ok(copied.equals(IMAGE), `${copied.length} bytes came back`);
}

const codex = PROVIDERS.get('codex')!;
const identity = {
  token: TOKEN,
  sessionId: 'session-1',
  unixTimeMs: Date.now(),
  entropy: Buffer.alloc(32, 7).toString('base64'),
  machineId: '0123456789abcdef0123456789abcdef',
  hostname: 'vm-1',
};

codexDirectory();
if (inOwnNamespaces(import.meta.filename)) {
  let provider: IdentityProvider;
  const tools = `${WORLD}/tools`;

  before(async () => {
    mkdirSync(tools);
    // Below a directory that others may not enter, the user could not run it.
    execFileSync('mount', ['--bind', codexDirectory(), tools]);
    provider = await startIdentityProvider({ address: '127.0.0.1' });
  });
  after(() => provider.close());

  const prepared = async (openTimeoutMs = 30_000): Promise<Guest> => {
    const guest = await startGuest([tools], { openTimeoutMs });
    try {
      const request = { caCertificates: [provider.caCertificate], display: { width: 1280, height: 720 } };
      assert.equal((await guest.call('POST', '/v1/prepare', request)).status, 202);
      await guest.event('stage', (event) => event.stage === 'browser');
      assert.equal((await guest.call('POST', '/v1/identify', identity)).status, 200);
      return guest;
    } catch (error) {
      await guest.close();
      throw error;
    }
  };

  test('a person signs in on a desktop that rests while it waits, and the verified credential is handed over', async () => {
    const guest = await prepared();
    try {
      const replaced = cpuRefreshesEachDraw(readFileSync('/proc/cpuinfo', 'utf8')) ? 0 : 1;
      await guest.event(
        'log',
        ({ message }) => message === `browser: ${replaced} network process(es) replaced`,
      );
      assert.equal((await guest.call('GET', '/v1/health', undefined, null)).status, 401);
      assert.equal((await guest.call('GET', '/v1/credential')).status, 404);
      await copiesImages(guest);
      assert.equal((await guest.call('POST', '/v1/sign-in', { provider: codex })).status, 202);
      const opened = await guest.event('url_opened');
      assert.equal(opened.origin, 'https://auth.openai.com');
      const person = await Person.sitDown(guest.vncPort);
      await person.findButton();
      await person.seeRest();
      await person.signIn(provider.user.name, provider.user.password);
      await guest.event('credential_ready');
      person.leave();

      const credential = credentialSchema.parse(await (await guest.call('GET', '/v1/credential')).json());
      const { tokens } = JSON.parse(credential.content);
      const issued = provider.issuedTokens().at(-1)!;
      assert.equal(tokens.refresh_token, issued.refreshToken);
      assert.equal(tokens.access_token, issued.accessToken);
      assert.equal(credential.account, provider.user.name);
      assert.ok(Date.parse(credential.expiresAt!) > Date.now());
      assert.equal(credential.path, '.codex/auth.json');

      const types = guest.events.map(({ event }) => event.type).filter((type) => type !== 'log');
      assert.deepEqual(types.slice(-4), [
        'login_started',
        'url_opened',
        'credential_seen',
        'credential_ready',
      ]);
      const everything = JSON.stringify(guest.events) + guest.console.join('\n');
      for (const secret of [tokens.id_token, tokens.access_token, tokens.refresh_token, 'code_challenge=']) {
        assert.ok(!everything.includes(secret.slice(0, 60)), 'no secret in events or on the console');
      }
    } finally {
      await guest.close();
    }
    await nothingRunsOf('nobody');
  });

  test('a person who cancels gives a fault that says so', async () => {
    const guest = await prepared();
    try {
      await guest.call('POST', '/v1/sign-in', { provider: codex });
      await guest.event('url_opened');
      const person = await Person.sitDown(guest.vncPort);
      const button = await person.findButton();
      // The second button is 24 pixels below the first, which is 56 high.
      person.click(button.x, button.y + 80);
      const { fault } = await guest.event('failed');
      person.leave();
      assert.equal(fault.code, 'sign_in_denied');
      assert.match(fault.message, /The person cancelled/);
      assert.equal(guest.agent.health().state, 'failed');
    } finally {
      await guest.close();
    }
  });

  test('a browser that dies comes back with the sign-in page', async () => {
    const guest = await prepared();
    try {
      await guest.call('POST', '/v1/sign-in', { provider: codex });
      await guest.event('url_opened');
      const person = await Person.sitDown(guest.vncPort);
      await person.findButton();
      signal(processesOf('nobody', 'chromium/chromium'), 'SIGKILL');
      await guest.event('log', (event) => /^browser ended: signal SIGKILL/.test(event.message));
      await person.signIn(provider.user.name, provider.user.password);
      await guest.event('credential_ready');
      person.leave();
    } finally {
      await guest.close();
    }
  });

  test('a browser whose start page crashed shows the sign-in page in a window of its own', async () => {
    const guest = await prepared();
    try {
      signal(processesOf('nobody', '--type=renderer'), 'SIGKILL');
      await guest.call('POST', '/v1/sign-in', { provider: codex });
      await guest.event('url_opened');
      const person = await Person.sitDown(guest.vncPort);
      await person.findButton();
      person.leave();
    } finally {
      await guest.close();
    }
  });

  test('a browser that hangs when the sign-in page is to be opened fails the sign-in by name', async () => {
    const guest = await prepared(1500);
    const browser = processesOf('nobody', 'chromium/chromium');
    try {
      signal(browser, 'SIGSTOP');
      await guest.call('POST', '/v1/sign-in', { provider: codex });
      const { fault } = await guest.event('failed');
      assert.equal(fault.code, 'browser_unreachable');
      assert.match(
        fault.message,
        /^the browser does not open a page \(1280x720, \d.*#ecf0f5.*\): no answer in/,
      );
      assert.ok(Array.isArray(fault.details?.lastLines));
      await guest.event('log', ({ message }) => message.startsWith('codex: '));
    } finally {
      signal(browser, 'SIGCONT');
      await guest.close();
    }
  });
}

/** Of a browser's processes some end by themselves, or with the one that was before them. */
function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Killed processes take a moment to be gone. */
async function nothingRunsOf(user: string): Promise<void> {
  const limit = Date.now() + 5000;
  while (processesOf(user).length > 0) {
    assert.ok(Date.now() < limit, `processes of ${user} run on: ${processesOf(user)}`);
    await setTimeout(20);
  }
}

/** Running processes of a user, those left unreaped not counted; ids of those whose command line contains `part`. */
function processesOf(user: string, part = ''): number[] {
  const uid = execFileSync('id', ['-u', user], { encoding: 'utf8' }).trim();
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const status = readFileSync(`/proc/${name}/status`, 'utf8');
        const owner = /^Uid:\t(\d+)/m.exec(status)?.[1];
        if (/^State:\t[ZX]/m.test(status)) return false;
        return owner === uid && readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(part);
      } catch {
        return false;
      }
    })
    .map(Number);
}
