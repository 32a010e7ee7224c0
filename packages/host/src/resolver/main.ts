import { toFault } from '@browser-vm/protocol';
import { RESOLVER_PORT } from '../slot/rules.ts';
import { type ResolverConfiguration, type ResolverEvent, resolverCommandSchema } from './messages.ts';
import { ResolverServer } from './server.ts';

/**
 * The guests' resolver as a process without privileges: it reads what guests send, and holds no secret. It
 * ends when its IPC channel does.
 */
function main(): void {
  const send = process.send?.bind(process);
  if (send === undefined) throw new Error('the resolver is started by the host, with an IPC channel');
  const emit = (event: ResolverEvent): void => void send(event, undefined, undefined, () => {});
  const servers = new Map<string, ResolverServer>();
  let configuration: ResolverConfiguration = { records: [], upstreams: [] };
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message) => {
    const command = resolverCommandSchema.parse(message);
    if (command.type === 'configure') configuration = command;
    else if (command.type === 'unlisten') {
      servers.get(command.address)?.close();
      servers.delete(command.address);
    } else void listen(command.address);
  });

  async function listen(address: string): Promise<void> {
    servers.get(address)?.close();
    const server = new ResolverServer(configuration);
    servers.set(address, server);
    try {
      await server.listen(address, RESOLVER_PORT);
      emit({ type: 'listening', address });
    } catch (error) {
      server.close();
      emit({ type: 'refused', address, message: toFault(error, 'resolver').message });
    }
  }

  dropPrivileges(Number(process.env.BROWSER_VM_RESOLVER_UID));
  emit({ type: 'ready' });
}

/** For good. After everything was loaded, since the files need not be readable by that user. */
function dropPrivileges(uid: number): void {
  process.setgroups?.([]);
  process.setgid?.(uid);
  process.setuid?.(uid);
  if (process.geteuid?.() !== uid || process.getegid?.() !== uid)
    throw new Error('privileges were not dropped');
}

main();
