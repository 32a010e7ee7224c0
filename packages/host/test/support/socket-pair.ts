import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Two ends of one socket. */
export async function socketPair(): Promise<{ readonly ours: Socket; readonly theirs: Socket }> {
  const server = createServer().listen(`\0browser-vm-test-${process.pid}-${Math.random()}`);
  await once(server, 'listening');
  const ours = connect(server.address() as string);
  const [theirs] = await once(server, 'connection');
  server.close();
  return { ours, theirs };
}
