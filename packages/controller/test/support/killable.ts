import { configurationSchema } from '@browser-vm/protocol';
import { startController } from './controller.ts';

/** A controller with one open session, for a test that kills this process. Prints the session's id. */
const configuration = configurationSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
const running = await startController({
  stateDirectory: configuration.BROWSER_VM_STATE_DIR,
  configuration: { DATABASE_URL: configuration.DATABASE_URL },
});
const { sessionId } = await running.start();
(await running.host.vmOf(sessionId)).becomeReady();
await running.reaches(sessionId, 'ready');
console.log(sessionId);
