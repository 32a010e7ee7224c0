import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { loadConfiguration, readVaultOffline } from '@browser-vm/controller';
import { Api } from './support/api.ts';
import { ControllerProcess } from './support/controller-process.ts';
import { SignInJourney } from './support/journey.ts';
import { leftovers, stateAtRest } from './support/leftovers.ts';
import { startWorld, type TestWorld } from './support/test-world.ts';
import { openViewerBrowser } from './support/viewer-browser.ts';

let world: TestWorld;
let controller: ControllerProcess;
/** With a full pool and no session. */
let atRest: readonly string[];

before(async () => {
  world = await startWorld();
  controller = await ControllerProcess.start(world.environment);
  atRest = await stateAtRest(controller, await Api.of(controller));
});

after(async () => {
  await controller?.remove();
  await world?.close();
});

for (const transport of ['webrtc', 'novnc'] as const) {
  test(`a person signs in to Codex through ${transport}, the credential is in the vault and the VM is gone`, async () => {
    const userId = `person-${transport}`;
    // By WebRTC on a desktop of the viewer's size, by noVNC on one of the template's.
    const fixedSize = transport === 'novnc';
    const browser = await openViewerBrowser(undefined, { fixedSize });
    try {
      const journey = new SignInJourney(browser.page, { controller, userId, transport, fixedSize });
      await journey.openDashboard();
      await journey.connect('codex');
      await journey.seeDesktop();
      if (!fixedSize) await journey.resizeWindow({ width: 1100, height: 800 });
      await journey.signInByHand(world.identityProvider.user);
      await journey.seeCompleted();
      await journey.backToDashboard();
      assert.match(await journey.cardState('codex'), /connected/i);
    } finally {
      await browser.close();
    }
    assert.deepEqual(await leftovers(atRest, controller.runDir), []);
  });
}

test('what the vault keeps decrypts to a credential whose tokens the identity provider issued', async () => {
  await controller.stop();
  const stored = await readVaultOffline(await loadConfiguration({ env: controller.environment }));
  const issued = await world.identityProvider.issuedTokens();
  assert.deepEqual(stored.map(({ userId }) => userId).sort(), ['person-novnc', 'person-webrtc']);
  for (const { credential } of stored) {
    const { tokens } = JSON.parse(credential.content) as {
      tokens: { access_token: string; refresh_token: string };
    };
    assert.ok(issued.includes(tokens.access_token), 'the access token was issued by the identity provider');
    assert.ok(issued.includes(tokens.refresh_token), 'the refresh token was issued by the identity provider');
  }
});

test('no token of a person and no secret of the controller is in what it printed, logged or stored', async () => {
  const stateDir = controller.environment.BROWSER_VM_STATE_DIR ?? '';
  const secrets = await readdir(path.join(stateDir, 'secrets'));
  const words = [
    ...(await world.identityProvider.issuedTokens()).filter((token) => token !== ''),
    ...(await Promise.all(
      secrets.map(async (name) => (await readFile(path.join(stateDir, 'secrets', name), 'utf8')).trim()),
    )),
    world.identityProvider.user.password,
  ];
  assert.ok(words.length > 4 && words.every((word) => word.length >= 8), `${words.length} words`);
  const files = (await readdir(stateDir, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.parentPath !== path.join(stateDir, 'secrets'))
    .map((entry) => path.join(entry.parentPath, entry.name));
  assert.ok(
    files.some((file) => file.endsWith('console.log')) && files.some((file) => /agent\.log$/.test(file)),
  );
  const texts = new Map<string, Buffer>([['its output', Buffer.from(controller.output)]]);
  for (const file of files) texts.set(file, await readFile(file));
  for (const [place, text] of texts) {
    for (const word of words) assert.ok(!text.includes(word), `${word.slice(0, 4)}... is in ${place}`);
  }
});
