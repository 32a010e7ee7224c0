import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { promisify } from 'node:util';
import { configurationSchema, type Host, PROVIDERS, type SessionVm } from '@browser-vm/protocol';
import { createHost } from '../src/host.ts';
import { markOf } from '../src/slot/names.ts';

const shared = process.env.BROWSER_VM_STATE_DIR ?? '/var/lib/browser-vm';
let directory: string;
let stateDir: string;
let certificates: string;
let host: Host;
const said: string[] = [];

before(async () => {
  await mkdir(join(shared, 'tests'), { recursive: true });
  directory = await mkdtemp(join(shared, 'tests/upkeep-'));
  stateDir = join(directory, 'state');
  await mkdir(stateDir);
  await symlink(join(shared, 'images'), join(stateDir, 'images'));
  // Links to the files of templates that stand there already: the first need not be made anew.
  await promisify(execFile)('cp', ['-al', join(shared, 'templates'), stateDir]).catch(() => {});
  certificates = join(directory, 'ca.pem');
  await writeFile(certificates, '');
  host = await createHost({
    configuration: configurationSchema.parse({
      BROWSER_VM_STATE_DIR: stateDir,
      BROWSER_VM_RUN_DIR: join(directory, 'run'),
      BROWSER_VM_SLOT_SUBNET: '10.235.0.0/24',
      BROWSER_VM_CA_CERTIFICATES: certificates,
      BROWSER_VM_KEEP_TEMPLATES: 0,
      BROWSER_VM_POOL_SLOTS: 1,
      BROWSER_VM_POOL_STREAMERS: 1,
      BROWSER_VM_WARM: 1,
    }),
    repositoryRoot: join(import.meta.dirname, '../../..'),
    logger: { info: (_, message) => void said.push(message), warn: (_, message) => void said.push(message) },
  });
  await host.prepare(() => {});
});

after(async () => {
  await host?.close();
  await rm(directory, { recursive: true, force: true });
});

const templates = async (): Promise<string[]> =>
  (await readdir(join(stateDir, 'templates'))).filter((name) => name !== '.lock').sort();

const begin = (): Promise<SessionVm> =>
  host.start({ sessionId: randomUUID(), provider: PROVIDERS.get('codex')!, iceServers: [] });

async function desktop(vm: SessionVm): Promise<void> {
  for await (const event of vm.events) {
    assert.notEqual(event.type, 'failed', JSON.stringify(event));
    if (event.type === 'desktop_ready') return;
  }
  assert.fail('no desktop');
}

/** Nobody tells when the host looks again, so it is asked. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 300_000;
  while (!(await holds())) {
    assert.ok(performance.now() < end, `never: ${what}; said: ${said.slice(-5).join(' | ')}`);
    await delay(100);
  }
}

test('sessions start from a stale template until the next is ready, which leaves nothing of the old one', {
  timeout: 900_000,
}, async () => {
  const { template: before } = await host.usage();
  const old = before.current?.key;
  assert.ok(old !== undefined);
  const first = await begin();
  await desktop(first);

  await writeFile(certificates, `${rootCertificates[1]}\n`);
  await until('a build', async () => (await host.usage()).template.making !== null);
  const second = await begin();
  const during = await host.usage();
  assert.equal(during.template.current?.key, old, 'nobody waited for the new template');
  assert.notEqual(during.template.making, null);
  const check = (await host.doctor()).find(({ name }) => name === 'template');
  assert.match(
    check?.detail ?? '',
    new RegExp(`is being made \\(.*; until then sessions start from ${old}$`),
  );

  await until('the new one current', async () => (await host.usage()).template.current?.key !== old);
  const { template: now } = await host.usage();
  assert.deepEqual([now.making, now.fault, now.retiring], [null, null, 1]);
  assert.ok((await templates()).includes(old), 'two VMs run from the old one');
  assert.ok(said.includes(`template: template ${now.current?.key} is ready`));
  const third = await begin();
  await desktop(third);
  await Promise.all([first.stop(), second.stop()]);
  await until('the old one removed', async () => !(await templates()).includes(old));
  assert.deepEqual(await templates(), [now.current?.key]);
  await third.stop();

  // Closing ends the next build.
  await writeFile(certificates, `${rootCertificates[2]}\n`);
  await until('another build', async () =>
    /agent up/.test((await host.usage()).template.making?.progress ?? ''),
  );
  await host.close();
  assert.deepEqual(await templates(), [now.current?.key]);
  assert.deepEqual(await readdir(join(directory, 'run/vms')), []);
  const marked = `=${markOf(join(directory, 'run'))}\0`;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    assert.ok(!environment.includes(marked), `process ${pid} is left`);
  }
});
