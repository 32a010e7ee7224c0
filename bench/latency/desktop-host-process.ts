/**
 * A controller whose one session shows a desktop that runs on this machine, not in a VM: as a process of its own,
 * so that what it takes to pass noVNC on can be told from the rest. Ends when its channel to the parent does.
 *
 *   node bench/latency/desktop-host-process.ts VNC-PORT ADDRESS PORT STATE-DIRECTORY
 */
import { createController, createLogger } from '@browser-vm/controller';
import { configurationSchema, startResponseSchema } from '@browser-vm/protocol';
import { DesktopHost } from '../../packages/dashboard/test/support/desktop-host.ts';
import { API_TOKEN, postToNative } from './native-api.ts';

const [vncPort = '', address = '', port = '', stateDirectory = ''] = process.argv.slice(2);
const host = new DesktopHost(Number(vncPort));
const controller = await createController({
  configuration: configurationSchema.parse({
    BROWSER_VM_HOST: '0.0.0.0',
    BROWSER_VM_PORT: port,
    BROWSER_VM_PUBLIC_URL: `http://${address}:${port}`,
    BROWSER_VM_STATE_DIR: stateDirectory,
    BROWSER_VM_API_TOKEN: API_TOKEN,
    BROWSER_VM_SESSION_TTL_SECONDS: 86_400,
    RATE_LIMIT_MAX_REQUESTS: 1_000_000,
  }),
  host,
  logger: createLogger({ BROWSER_VM_LOG_LEVEL: 'silent' }),
});
await controller.listen();
const { sessionId } = startResponseSchema.parse(
  await postToNative(port, '/api/auth/start', { userId: 'bench', provider: 'codex' }),
);
const vm = host.vms[0];
if (vm === undefined) throw new Error('the session has no desktop');
vm.becomeReady();
await vm.streamer.event('first_picture');
process.on('disconnect', () => void controller.close().then(() => process.exit(0)));
process.send?.({ sessionId, streamerPid: vm.streamer.child.pid });
