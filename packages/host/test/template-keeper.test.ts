import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { BrowserVmError } from '@browser-vm/protocol';
import type { Image } from '../src/image/index.ts';
import { type Build, type KeeperTimes, TemplateKeeper } from '../src/template/keeper.ts';
import {
  buildingDirectory,
  finishTemplate,
  PICTURE_FILE,
  readTemplate,
  type Template,
  templateKey,
} from '../src/template/template.ts';

let stateDir: string;
/** What a look finds wanted. */
let memoryMb: number;
let builds: Build[];
let makeOne: (build: Build) => Promise<Template>;
const keepers: TemplateKeeper[] = [];

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'bvm-keeper-'));
  await mkdir(join(stateDir, 'images/image'), { recursive: true });
  await writeFile(join(stateDir, 'images/image/manifest.json'), '{}');
  memoryMb = 1;
  builds = [];
  makeOne = finish;
});

afterEach(async () => {
  for (const keeper of keepers.splice(0)) await keeper.close();
  await rm(stateDir, { recursive: true, force: true });
});

/** No guest is booted here: a build ends with files that look like a template's. */
async function finish({ wanted }: Build): Promise<Template> {
  const key = templateKey(wanted);
  const building = await buildingDirectory(stateDir, key);
  await writeFile(join(building, PICTURE_FILE), '');
  await finishTemplate(building, stateDir, {
    formatVersion: 1,
    key,
    imageId: wanted.image.manifest.id,
    agentVersion: wanted.image.manifest.agentVersion,
    driver: wanted.driver,
    driverVersion: wanted.capabilities.version,
    accelerator: wanted.capabilities.accelerator,
    vcpus: wanted.vcpus,
    memoryMb: wanted.memoryMb,
    commandLine: '',
    builtAt: new Date().toISOString(),
    coldBootMs: 1,
    picture: { width: 1, height: 1 },
    framebuffer: null,
  });
  const template = await readTemplate(stateDir, key);
  assert.ok(template !== null);
  return template;
}

function keep(times: Partial<KeeperTimes> = {}): TemplateKeeper {
  const directory = join(stateDir, 'images/image');
  const image = { directory, manifest: { id: 'image', agentVersion: 'agent' }, files: {} } as Image;
  const keeper = new TemplateKeeper({
    stateDir,
    keep: 0,
    inputs: async () => ({
      image,
      driver: 'none',
      capabilities: { version: '1', accelerator: 'tcg', fingerprint: '', whyNotKvm: '' },
      vcpus: 1,
      memoryMb,
      commandLine: '',
      caCertificates: [],
      pictureInMemory: false,
    }),
    ready: async () => {},
    build: (build) => {
      builds.push(build);
      return makeOne(build);
    },
    onCurrent: async () => {},
    onRetired: async () => {},
    log() {},
    times: { check: 3_600_000, quiet: 0, ...times },
  });
  keepers.push(keeper);
  return keeper;
}

const use = (keeper: TemplateKeeper) => keeper.use(async () => true);
const templates = async () =>
  (await readdir(join(stateDir, 'templates'))).filter((name) => name !== '.lock').sort();

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await holds())) {
    assert.ok(performance.now() < end, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const broken = () =>
  new BrowserVmError({ code: 'template_refused', message: 'it is blank', hop: 'template' });

describe('the keeper of templates', { timeout: 120_000 }, () => {
  test('gives the old one while the next is made, and keeps its files until the last VM of it is gone', async () => {
    const keeper = keep();
    await keeper.prepare(() => {});
    const [old] = await templates();
    const first = await use(keeper);
    memoryMb = 2;
    const { promise: made, resolve: finishBuild } = Promise.withResolvers<void>();
    makeOne = async (build) => {
      build.progress('browser painted after 21.0 s');
      await made;
      return await finish(build);
    };
    first.settled();
    const checking = keeper.check();
    await until('a build', () => builds.length === 2);
    const second = await use(keeper);
    assert.equal(second.template.manifest.key, old);
    assert.equal(keeper.usage.making?.progress, 'browser painted after 21.0 s');
    assert.equal(builds[1]?.background, true);
    finishBuild();
    await checking;
    const third = await use(keeper);
    assert.notEqual(third.template.manifest.key, old);
    assert.deepEqual([keeper.usage.making, keeper.usage.retiring], [null, 1]);
    first.release();
    first.release();
    assert.ok((await templates()).includes(old!), 'one VM still runs from it');
    second.release();
    await until('the old one removed', async () => !(await templates()).includes(old!));
    assert.deepEqual(await templates(), [third.template.manifest.key]);
  });

  test('two controllers do not remove what the other uses', async () => {
    const [one, other] = [keep(), keep()];
    await one.prepare(() => {});
    await other.prepare(() => {});
    assert.equal(builds.length, 1, 'the second finds what the first made');
    const [shared] = await templates();
    memoryMb = 2;
    await other.check();
    assert.ok((await templates()).includes(shared!));
    await one.check();
    await until('the shared one removed', async () => !(await templates()).includes(shared!));
  });

  test('a build begins when no start is under way, and not later than it may', async () => {
    const keeper = keep({ quiet: 20, longestWait: 3_600_000 });
    await keeper.prepare(() => {});
    const running = await use(keeper);
    memoryMb = 2;
    const events: string[] = [];
    makeOne = (build) => {
      events.push('build');
      return finish(build);
    };
    const checking = keeper.check();
    await new Promise((resolve) => setTimeout(resolve, 100));
    events.push('settled');
    running.settled();
    await checking;
    assert.deepEqual(events, ['settled', 'build']);

    const impatient = keep({ quiet: 20, longestWait: 60 });
    await impatient.prepare(() => {});
    await use(impatient);
    memoryMb = 3;
    await impatient.check();
    assert.equal(impatient.current?.template.manifest.memoryMb, 3);
  });

  test('a build that fails is named, tried again only after a while or for something else; the old one serves', async () => {
    const keeper = keep({ retry: 3_600_000 });
    await keeper.prepare(() => {});
    memoryMb = 2;
    makeOne = () => Promise.reject(broken());
    await keeper.check();
    await keeper.check();
    assert.equal(builds.length, 2, 'the second look is too early');
    assert.equal(keeper.usage.fault?.message, 'it is blank');
    const old = await use(keeper);
    assert.equal(old.template.manifest.memoryMb, 1);
    old.settled();
    memoryMb = 3;
    makeOne = finish;
    await keeper.check();
    assert.equal(keeper.usage.fault, null);
    assert.equal(keeper.usage.current?.key, keeper.current?.template.manifest.key);
    assert.equal(keeper.current?.template.manifest.memoryMb, 3);
  });

  test('all who have nothing to start from wait for one build and share its end', async () => {
    const keeper = keep();
    makeOne = () => Promise.reject(broken());
    const refused = await Promise.allSettled([use(keeper), use(keeper), use(keeper)]);
    assert.ok(
      refused.every((answer) => answer.status === 'rejected' && answer.reason.code === 'template_refused'),
    );
    assert.equal(builds.length, 1);
    makeOne = finish;
    const given = await Promise.all([use(keeper), use(keeper), use(keeper)]);
    assert.equal(new Set(given.map(({ template }) => template.directory)).size, 1);
    assert.equal(builds.length, 2);
    assert.equal(builds[1]?.background, false);
    // Somebody removed what nobody should.
    await rm(given[0]!.template.directory, { recursive: true });
    assert.ok((await use(keeper)).template.manifest.builtAt > given[0]!.template.manifest.builtAt);
    assert.equal(builds.length, 3);
  });

  test('closing ends a build and whoever waits for it', async () => {
    const keeper = keep();
    makeOne = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const waiting = use(keeper);
    waiting.catch(() => {});
    await until('a build', () => builds.length === 1);
    await keeper.close();
    await assert.rejects(waiting, { code: 'host_closed' });
    assert.deepEqual(await templates(), []);
    makeOne = finish;
    await keep().prepare(() => {});
  });
});
