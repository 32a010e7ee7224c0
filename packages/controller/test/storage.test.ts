import assert from 'node:assert/strict';
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { openDatabase } from '../src/database/open.ts';
import { credentials, users } from '../src/database/schema.ts';
import { readOrCreateSecret } from '../src/secrets/secret-file.ts';
import { readCredential, sealCredential, storeCredential } from '../src/vault/credentials.ts';
import { loadVaultKey } from '../src/vault/key.ts';
import { createVault } from '../src/vault/vault.ts';
import { temporaryDirectory } from './support/controller.ts';
import { DATABASES, Databases } from './support/databases.ts';
import { freePort } from './support/postgres.ts';
import { CREDENTIAL } from './support/scripted-host.ts';

const databases = new Databases();
let stateDirectory: string;
before(async () => {
  stateDirectory = await temporaryDirectory();
});
after(async () => {
  await databases.stop();
  await rm(stateDirectory, { recursive: true });
});

const owner = { userId: 'alice', provider: 'codex' };

describe('secrets', () => {
  test('are made once, for their owner alone, by however many start at once', async () => {
    let made = 0;
    const create = (): string => {
      made += 1;
      return `secret ${made}`;
    };
    const secrets = await Promise.all(
      Array.from({ length: 8 }, () => readOrCreateSecret(stateDirectory, 'test', create)),
    );
    assert.equal(new Set(secrets).size, 1);
    assert.equal((await stat(`${stateDirectory}/secrets/test`)).mode & 0o777, 0o600);
    assert.equal((await stat(`${stateDirectory}/secrets`)).mode & 0o777, 0o700);
  });

  test('that others can read are refused with the remedy', async () => {
    const path = `${stateDirectory}/secrets/vault.key`;
    await loadVaultKey(stateDirectory);
    await chmod(path, 0o640);
    await assert.rejects(loadVaultKey(stateDirectory), (error: Error & { fault?: { remedy?: string } }) => {
      assert.match(error.message, /vault\.key has mode 0640/);
      assert.match(error.fault?.remedy ?? '', /chmod 600/);
      return true;
    });
    await chmod(path, 0o600);
  });
});

describe('the vault', () => {
  test('opens what it sealed, for the same user and provider only', async () => {
    const vault = createVault(await loadVaultKey(stateDirectory));
    const jwe = await vault.seal(owner, CREDENTIAL);
    assert.ok(!jwe.includes('SECRET') && !Buffer.from(jwe, 'base64').toString('latin1').includes('SECRET'));
    const header = JSON.parse(Buffer.from(jwe.split('.')[0] ?? '', 'base64url').toString());
    assert.equal(header.kid, vault.keyId);
    assert.equal(header.enc, 'A256GCM');
    assert.deepEqual(await vault.unseal(owner, jwe), CREDENTIAL);
    await assert.rejects(vault.unseal({ ...owner, userId: 'mallory' }, jwe), /sealed for another/);
    await assert.rejects(vault.unseal({ ...owner, provider: 'other' }, jwe), /sealed for another/);
  });

  test('refuses a changed header, a changed ciphertext and another key', async () => {
    const vault = createVault(await loadVaultKey(stateDirectory));
    const parts = (await vault.seal(owner, CREDENTIAL)).split('.');
    const header = JSON.parse(Buffer.from(parts[0] ?? '', 'base64url').toString());
    const forged = Buffer.from(JSON.stringify({ ...header, user: 'mallory' })).toString('base64url');
    await assert.rejects(
      vault.unseal({ ...owner, userId: 'mallory' }, [forged, ...parts.slice(1)].join('.')),
      /does not decrypt/,
    );
    const flipped = parts.with(3, `${parts[3]?.startsWith('A') ? 'B' : 'A'}${parts[3]?.slice(1)}`);
    await assert.rejects(vault.unseal(owner, flipped.join('.')), /does not decrypt/);
    const otherKey = await loadVaultKey(stateDirectory, Buffer.alloc(32, 1).toString('base64'));
    await assert.rejects(createVault(otherKey).unseal(owner, parts.join('.')), /vault key/);
  });

  test('refuses a configured key of another size', async () => {
    await assert.rejects(loadVaultKey(stateDirectory, 'c2hvcnQ='), /BROWSER_VM_VAULT_KEY is not base64/);
  });
});

for (const kind of DATABASES) {
  test(`${kind}: one controller at a time; a second opening finds schema and rows as they were`, async () => {
    const options = { url: await databases.newUrl(kind), stateDirectory };
    const vault = createVault(await loadVaultKey(stateDirectory));
    const first = await openDatabase(options);
    const sealed = await sealCredential(vault, owner, CREDENTIAL);
    await first.queries.insert(users).values({ id: owner.userId });
    const id = await first.queries.transaction((transaction) => storeCredential(transaction, sealed));
    await assert.rejects(openDatabase(options), { message: /another controller uses the database/ });
    await first.close();

    const second = await openDatabase(options);
    try {
      assert.deepEqual(await readCredential(second.queries, vault, id), CREDENTIAL);
      const [row] = await second.queries.select().from(credentials);
      assert.equal(row?.keyId, vault.keyId);
    } finally {
      await second.close();
    }
  });
}

test('an embedded database whose files are damaged is named, with the remedy', async () => {
  const damaged = await temporaryDirectory();
  try {
    await (await openDatabase({ stateDirectory: damaged })).close();
    await writeFile(`${damaged}/database/global/pg_control`, 'damaged');
    await assert.rejects(openDatabase({ stateDirectory: damaged }), { message: /does not open/ });
  } finally {
    await rm(damaged, { recursive: true });
  }
});

test('a PostgreSQL that does not answer is named without its password', async () => {
  const url = `postgres://user:hunter2@127.0.0.1:${await freePort()}/sign_ins`;
  await assert.rejects(openDatabase({ url, stateDirectory }), (error: Error) => {
    assert.match(error.message, /no database at 127\.0\.0\.1:\d+\/sign_ins/);
    assert.ok(!error.message.includes('hunter2'));
    return true;
  });
});

test('the committed migrations make the schema as the code has it', async () => {
  const journal = JSON.parse(
    await readFile(new URL('../src/database/migrations/meta/_journal.json', import.meta.url), 'utf8'),
  );
  const { generateDrizzleJson, generateMigration } = await import('drizzle-kit/api');
  const schema = await import('../src/database/schema.ts');
  const newest = String(journal.entries.at(-1).idx).padStart(4, '0');
  const snapshot = JSON.parse(
    await readFile(
      new URL(`../src/database/migrations/meta/${newest}_snapshot.json`, import.meta.url),
      'utf8',
    ),
  );
  const current = generateDrizzleJson({ ...schema }, snapshot.id, undefined, 'snake_case');
  assert.deepEqual(await generateMigration(snapshot, current), [], 'run drizzle-kit generate');
});
