import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Api } from './support/api.ts';
import { ControllerProcess } from './support/controller-process.ts';
import { leftovers, stateAtRest } from './support/leftovers.ts';
import { monitorsOf } from './support/monitors.ts';
import { startWorld, type TestWorld } from './support/test-world.ts';

let world: TestWorld;
let controller: ControllerProcess;
let api: Api;
/** With a full pool and no session. */
let atRest: readonly string[];

before(async () => {
  world = await startWorld();
  controller = await ControllerProcess.start(world.environment);
  api = await Api.of(controller);
  atRest = await stateAtRest(controller, api);
});

after(async () => {
  await controller?.remove();
  await world?.close();
});

test('a VM that is killed fails its session by name, keeps its last console lines and leaves nothing', async () => {
  const sessionId = await api.start('unlucky', 'codex');
  assert.equal((await api.waitFor(sessionId, ['signing_in'])).status, 'signing_in');
  const monitor = (await monitorsOf(controller)).get(sessionId);
  assert.ok(monitor, 'the session has a monitor');
  process.kill(monitor, 'SIGKILL');
  const session = await api.waitFor(sessionId, []);
  assert.equal(session.status, 'failed');
  assert.equal(session.fault?.hop, 'driver');
  assert.ok((session.consoleTail?.length ?? 0) > 0, 'console lines are kept');
  assert.deepEqual(await leftovers(atRest, controller.runDir), []);
});

for (const state of ['starting', 'signing_in']) {
  test(`a session cancelled while ${state} stays cancelled and leaves nothing`, async () => {
    const sessionId = await api.start('undecided', 'codex');
    await api.waitFor(sessionId, [state]);
    assert.equal((await api.cancel(sessionId)).status, 'cancelled');
    assert.deepEqual(await leftovers(atRest, controller.runDir), []);
    assert.equal((await api.session(sessionId)).status, 'cancelled');
  });
}

test('a controller that is killed leaves nothing that the next one does not remove', async () => {
  const sessionId = await api.start('interrupted', 'codex');
  await api.waitFor(sessionId, ['signing_in']);
  await controller.kill();
  await controller.startAgain();
  api = await Api.of(controller);
  const session = await api.session(sessionId);
  assert.equal(session.status, 'failed');
  await controller.stop();
  assert.deepEqual(await leftovers(atRest, controller.runDir), []);
});
