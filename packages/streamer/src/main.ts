import { type StreamerEvent, streamerCommandSchema, toFault } from '@browser-vm/protocol';
import { dropPrivileges } from './process/privileges.ts';
import { Streamer } from './streamer.ts';

/**
 * The streamer as a process: commands and events over Node's IPC channel. It ends when the channel does.
 * Nothing that people type, copy or see is ever written out.
 */
function main(): void {
  const send = process.send?.bind(process);
  if (send === undefined) throw new Error('the streamer is started by the host, with an IPC channel');
  const emit = (event: StreamerEvent): void => {
    // A host that is gone has no use for it; `disconnect` ends this process.
    if (process.connected) send(event, undefined, undefined, () => undefined);
  };
  const streamer = new Streamer(emit);
  const end = (): void => {
    streamer.close();
    process.exit(0);
  };
  process.on('disconnect', end);
  process.on('SIGTERM', end);
  process.on('message', (message) => {
    const command = streamerCommandSchema.safeParse(message);
    if (!command.success) {
      process.stderr.write('a command of unknown shape was ignored\n');
      return;
    }
    streamer.handle(command.data).then(
      () => {
        if (command.data.type === 'close') end();
      },
      (error: unknown) => {
        process.stderr.write(`${command.data.type}: ${toFault(error, 'streamer').message}\n`);
      },
    );
  });
  dropPrivileges();
  emit({ type: 'ready' });
}

main();
