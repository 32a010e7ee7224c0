import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  type Configuration,
  configurationSchema,
  type Host,
  PROVIDERS,
  type VmEvent,
} from '@browser-vm/protocol';
import { createHost } from '../src/host.ts';
import { type Image, openImage } from '../src/image/index.ts';
import { TEMPLATE_FILE, templateManifestSchema, templatesDirectory } from '../src/template/template.ts';

const repositoryRoot = resolve(import.meta.dirname, '../../..');
const stateDir = configurationSchema.shape.BROWSER_VM_STATE_DIR.parse(process.env.BROWSER_VM_STATE_DIR);
const request = () => ({ sessionId: randomUUID(), provider: PROVIDERS.get('codex')!, iceServers: [] });

let root: string;
let image: Image;

const configure = (ownState: string): Configuration =>
  configurationSchema.parse({
    BROWSER_VM_STATE_DIR: ownState,
    BROWSER_VM_RUN_DIR: join(root, 'run'),
    BROWSER_VM_SLOT_SUBNET: '10.234.0.0/24',
  });

const hostOn = (ownState: string): Promise<Host> =>
  createHost({ configuration: configure(ownState), repositoryRoot, logger: { info() {}, warn() {} } });

/** A directory that shows every file of another, but for one that is its own. */
async function copyWith(from: string, to: string, name: string, change: (text: string) => string) {
  await mkdir(to, { recursive: true });
  for (const file of await readdir(from)) {
    if (file === name) await writeFile(join(to, file), change(await readFile(join(from, file), 'utf8')));
    else await symlink(join(from, file), join(to, file));
  }
}

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'bvm-misfits-'));
  // Monitors run as users of their own and must be able to walk to their files.
  await chmod(root, 0o755);
  image = await openImage({ stateDir });
});

after(() => rm(root, { recursive: true, force: true }));

describe('what does not belong together', { concurrency: false, timeout: 600_000 }, () => {
  test("an image whose agent is not the controller's is refused before boot, naming both", async () => {
    const ownState = join(root, 'another-agent');
    const images = join(ownState, 'images');
    await copyWith(image.directory, join(images, image.manifest.id), 'manifest.json', (text) =>
      JSON.stringify({ ...JSON.parse(text), agentVersion: '1a2b' }),
    );
    await symlink(image.manifest.id, join(images, 'current'));
    const host = await hostOn(ownState);
    const refusal = {
      code: 'image_version_mismatch',
      message: `image ${image.manifest.id} has agent 1a2b, this host needs ${image.manifest.agentVersion}`,
    };
    await assert.rejects(host.start(request()), refusal);
    await assert.rejects(
      host.prepare(() => {}),
      refusal,
    );
    const found = (await host.doctor()).find(({ name }) => name === 'image');
    assert.equal(found?.ok, false);
    assert.match(found?.detail ?? '', /agent 1a2b/);
    assert.match(found?.remedy ?? '', /image build/);
    await host.close();
  });

  test('a guest whose kernel was not told what its template says fails its session, naming both; its logs stay', async () => {
    const owner = await hostOn(stateDir);
    await owner.prepare(() => {});
    await owner.close();
    const ownState = join(root, 'another-command-line');
    await mkdir(ownState);
    await symlink(join(stateDir, 'images'), join(ownState, 'images'));
    for (const key of await readdir(templatesDirectory(stateDir))) {
      if (key.startsWith('.')) continue;
      const from = join(templatesDirectory(stateDir), key);
      await copyWith(from, join(templatesDirectory(ownState), key), TEMPLATE_FILE, (text) => {
        const manifest = templateManifestSchema.parse(JSON.parse(text));
        return JSON.stringify({ ...manifest, commandLine: `${manifest.commandLine} forgotten=1` });
      });
    }
    const host = await hostOn(ownState);
    await host.prepare((line) => assert.doesNotMatch(line, /making template/));
    const asked = request();
    const vm = await host.start(asked);
    const events: VmEvent[] = [];
    for await (const event of vm.events) events.push(event);
    const last = events.at(-1);
    assert.equal(last?.type, 'failed', JSON.stringify(last));
    assert.equal(last.fault.code, 'guest_command_line_differs');
    assert.match(last.fault.message, /^the guest's kernel got ".*", not ".* forgotten=1"$/);
    const types = events.map(({ type }) => type);
    assert.ok(types.includes('vm_resumed') && !types.includes('identity_set'), types.join());
    await vm.stop();
    const logs = await readdir(join(ownState, 'logs', asked.sessionId));
    for (const name of ['console.log', 'qemu.stderr', 'agent.log']) assert.ok(logs.includes(name), name);
    assert.deepEqual(await readdir(join(root, 'run/vms')), []);
    await host.close();
  });
});
