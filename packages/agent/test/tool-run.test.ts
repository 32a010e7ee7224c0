import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ProviderDescriptor, providerDescriptorSchema } from '@browser-vm/protocol';
import { EventLog } from '../src/events/event-log.ts';
import { SignIn } from '../src/sign-in/sign-in.ts';
import { collect } from './support/collect.ts';
import { testOptions } from './support/guest.ts';
import { inOwnNamespaces, WORLD } from './support/namespace.ts';

const URL_TO_OPEN = 'https://sign-in.example/authorize?state=1';

const tool = (changes: Partial<ProviderDescriptor> = {}): ProviderDescriptor =>
  providerDescriptorSchema.parse({
    id: 'tool',
    name: 'The tool',
    tool: 'tool',
    package: { name: 'tool', version: '1' },
    login: { argv: ['tool'], timeoutSeconds: 20, denied: 'was denied' },
    opener: { urlPatterns: ['^https://sign-in\\.example/authorize\\?'] },
    credential: { path: '.tool/deep/credential.json', format: 'json', required: ['/token'] },
    status: { argv: ['tool', 'status'] },
    ...changes,
  });

if (inOwnNamespaces(import.meta.filename)) {
  let count = 0;
  /** Runs a shell script as the provider's tool. */
  const run = async (script: string, provider = tool()) => {
    count += 1;
    const tools = join(WORLD, `tools-${count}`);
    mkdirSync(tools);
    writeFileSync(join(tools, 'tool'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const events = new EventLog(() => 0);
    const opened: string[] = [];
    const options = testOptions([tools], () => undefined);
    const signIn = new SignIn({
      options,
      provider,
      environment: {},
      events,
      open: async (url) => void opened.push(url),
    });
    const result = await signIn.run().then(
      (credential) => ({ credential, fault: null }),
      (error) => ({ credential: null, fault: error.fault }),
    );
    events.close();
    const log = await collect(events.follow(0, new AbortController().signal));
    return { ...result, opened, home: options.user.home, types: log.map(({ event }) => event.type), log };
  };
  const WRITE = `mkdir -p ~/.tool/deep; printf '{"tok' > ~/.tool/deep/credential.json; sleep 0.2`;
  const FINISH = `printf 'en":"secret"}' >> ~/.tool/deep/credential.json`;

  test('a file written in place is a credential once it is whole, and the tool agrees', async () => {
    const { credential, opened, types } = await run(
      `[ "$1" = status ] && exit 0; xdg-open '${URL_TO_OPEN}'; ${WRITE}; ${FINISH}; sleep 0.3`,
    );
    assert.equal(credential?.content, '{"token":"secret"}');
    assert.deepEqual(opened, [URL_TO_OPEN]);
    assert.ok(types.includes('credential_seen'));
  });

  test('what the tool hands to a browser is opened once, and only when it is the sign-in page', async () => {
    const { opened, log } = await run(
      `"$BROWSER" https://elsewhere.example/secret?token=1; www-browser a b; "$BROWSER" '${URL_TO_OPEN}'; xdg-open '${URL_TO_OPEN}'; exit 3`,
    );
    assert.deepEqual(opened, [URL_TO_OPEN]);
    const text = JSON.stringify(log);
    assert.match(text, /not opened: https:\/\/elsewhere\.example is not/);
    assert.doesNotMatch(text, /secret\?token/);
  });

  test('the tool runs as the user, unprivileged, in a clean environment and a wide terminal', async () => {
    const { home } = await run(
      '{ id -u; stty size; env; grep NoNewPrivs /proc/self/status; } > ~/seen; exit 1',
    );
    const seen = readFileSync(join(home, 'seen'), 'utf8');
    assert.match(seen, /^65534\n50 400\n/);
    assert.match(seen, /NoNewPrivs:\t1/);
    assert.match(seen, new RegExp(`HOME=${home}\n`));
    assert.doesNotMatch(seen, /BROWSER_VM|NODE_/);
  });

  test('each way a tool can end badly is a fault of its own', async () => {
    const failed = await run(`echo 'see ${URL_TO_OPEN}'; exit 3`);
    assert.equal(failed.fault.code, 'tool_failed');
    assert.match(failed.fault.message, /exit code 3: see https:\/\/sign-in\.example\/authorize\?…/);
    assert.equal((await run('echo it was denied; exit 1')).fault.code, 'sign_in_denied');
    assert.equal((await run('kill -9 $$')).fault.details.signal, 9);
    assert.equal((await run('exit 0')).fault.code, 'credential_incomplete');
    assert.equal((await run(`${WRITE}; exit 0`)).fault.code, 'credential_incomplete');
    const refused = await run(`[ "$1" = status ] && echo 'Not logged in' && exit 1; ${WRITE}; ${FINISH}`);
    assert.equal(refused.fault.code, 'status_refused');
    assert.match(refused.fault.message, /Not logged in/);
    const login = { ...tool().login, argv: ['absent'] };
    assert.equal((await run('', tool({ login }))).fault.code, 'tool_missing');
  });

  test('a tool that nobody answers is ended when its time is over', async () => {
    const login = { ...tool().login, timeoutSeconds: 1 };
    assert.equal((await run('sleep 1000', tool({ login }))).fault.code, 'sign_in_timeout');
  });

  test('prompts are answered once each, and files are there before the tool starts', async () => {
    const login = {
      ...tool().login,
      answers: [{ pattern: 'Continue\\? $', send: 'yes\r' }],
      prepareFiles: [{ path: '.tool/settings.json', content: '{"a":1}' }],
    };
    const { fault, home } = await run(
      `printf 'Continue? '; read a; cat ~/.tool/settings.json > ~/seen; echo "$a" >> ~/seen; exit 4`,
      tool({ login }),
    );
    assert.equal(fault.code, 'tool_failed');
    assert.equal(readFileSync(join(home, 'seen'), 'utf8'), '{"a":1}yes\n');
    assert.equal(statSync(join(home, '.tool/settings.json')).mode & 0o777, 0o600);
  });
}
