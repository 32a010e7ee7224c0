import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROVIDERS } from '@browser-vm/protocol';
import { EventLog } from '../src/events/event-log.ts';
import { redact } from '../src/redact.ts';
import { readCredential } from '../src/sign-in/credential-content.ts';
import { atPointer } from '../src/sign-in/json-pointer.ts';
import { belowHome } from '../src/sign-in/prepared-files.ts';
import { findSignInUrl, matchSignInUrl } from '../src/sign-in/url-match.ts';
import { collect } from './support/collect.ts';

const codex = PROVIDERS.get('codex')!;
const SIGN_IN = 'https://auth.openai.com/oauth/authorize?response_type=code&state=abc';

test('only the URL that a provider names is a sign-in page', () => {
  const patterns = codex.opener.urlPatterns;
  assert.equal(matchSignInUrl(SIGN_IN, patterns)?.origin, 'https://auth.openai.com');
  for (const other of [
    'https://auth.openai.com.evil.example/oauth/authorize?x',
    'http://auth.openai.com/oauth/authorize?x',
    `https://evil.example/?${SIGN_IN}`,
    `${SIGN_IN}\nhttps://evil.example`,
    `${SIGN_IN} --no-sandbox`,
    `--renderer-cmd-prefix=sh ${SIGN_IN}`,
    `${SIGN_IN}${'a'.repeat(20_000)}`,
    'file:///etc/passwd',
    '',
  ]) {
    assert.equal(matchSignInUrl(other, patterns), null, other.slice(0, 80));
  }
  assert.equal(matchSignInUrl('file:///etc/passwd', ['.*']), null, 'web pages alone, whatever the pattern');
});

test('a URL printed among other text is found whole', () => {
  const printed = `Visit:\r\n\r\n${SIGN_IN}\r\n\r\nor https://other.example/x`;
  assert.equal(findSignInUrl(printed, codex.opener.urlPatterns), SIGN_IN);
  assert.equal(findSignInUrl('nothing here', codex.opener.urlPatterns), null);
});

test('redaction leaves words and origins, and takes queries, codes and control characters', () => {
  const token = `eyJhbGciOiJSUzI1NiJ9.${'x1'.repeat(40)}`;
  const text = redact(`\x1b[1mOpen\x1b[0m ${SIGN_IN} code#${token} see https://u:p@host.example/a/b#frag`);
  assert.equal(text, 'Open https://auth.openai.com/oauth/authorize?… code#… see https://host.example/a/b?…');
});

test('a JSON pointer finds own members only, with its escapes', () => {
  const document = { a: [{ 'b/c~d': 1 }], '': 2 };
  assert.equal(atPointer(document, '/a/0/b~1c~0d'), 1);
  assert.equal(atPointer(document, '/'), 2);
  assert.equal(atPointer(document, '/a/1'), undefined);
  assert.equal(atPointer(document, '/a/0/b~1c~0d/x'), undefined);
  assert.equal(atPointer(document, '/constructor/name'), undefined);
});

test('a credential needs every required member as text, and gets its label and end from the JWT', () => {
  const jwt = (claims: object) => `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
  const tokens = {
    id_token: jwt({ email: 'a@b.example', exp: 1_800_000_000 }),
    access_token: 'x',
    refresh_token: 'y',
  };
  const whole = JSON.stringify({ tokens });
  const reading = readCredential(whole, codex.credential);
  assert.ok(reading.ok);
  assert.deepEqual(reading.credential, {
    content: whole,
    path: '.codex/auth.json',
    account: 'a@b.example',
    expiresAt: '2027-01-15T08:00:00.000Z',
  });
  assert.deepEqual(readCredential(whole.slice(0, -4), codex.credential), {
    ok: false,
    why: 'it is not JSON',
  });
  const blank = readCredential(
    JSON.stringify({ tokens: { ...tokens, refresh_token: '' } }),
    codex.credential,
  );
  assert.deepEqual(blank, { ok: false, why: '/tokens/refresh_token missing' });
  const odd = readCredential(JSON.stringify({ tokens: { ...tokens, id_token: 'no-jwt' } }), codex.credential);
  assert.ok(odd.ok && odd.credential.account === null && odd.credential.expiresAt === null);
});

test('a path that leaves HOME is refused', () => {
  for (const path of ['../x', '/etc/passwd', 'a/../../x', '.']) {
    assert.throws(() => belowHome(path), { code: 'invalid_path' });
  }
  assert.equal(belowHome('.codex/./auth.json'), '.codex/auth.json');
});

test('events are replayed from any sequence and then followed live', async () => {
  let now = 0;
  const log = new EventLog(() => now);
  log.append({ type: 'login_started' });
  now = 5;
  log.append({ type: 'credential_seen' });
  const seen: string[] = [];
  const following = (async () => {
    for await (const entry of log.follow(1, new AbortController().signal)) {
      seen.push(`${entry.sequence} ${entry.elapsedMs} ${entry.event.type}`);
    }
  })();
  await new Promise(setImmediate);
  now = 9;
  log.append({ type: 'credential_ready' });
  log.close();
  await following;
  assert.deepEqual(seen, ['2 5 credential_seen', '3 9 credential_ready']);
});

test('old log lines are forgotten, what happened is not', async () => {
  const log = new EventLog(() => 0);
  log.append({ type: 'login_started' });
  for (let count = 0; count < 3000; count += 1)
    log.append({ type: 'log', level: 'debug', message: `${count}` });
  log.close();
  const entries = await collect(log.follow(0, new AbortController().signal));
  assert.equal(entries.length, 2001);
  assert.equal(entries[0]?.event.type, 'login_started');
  assert.equal(entries.at(-1)?.sequence, 3001);
});
