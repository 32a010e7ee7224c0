import { sessionSchema, startResponseSchema } from '@browser-vm/protocol';
import { Command } from 'commander';
import { connectApi } from '../api/client.ts';

export function sessionCommand(): Command {
  const session = new Command('session').description('sign-ins of the running controller');
  session
    .command('start')
    .description('start a sign-in and print the address to open')
    .argument('<provider>', 'for example codex')
    .requiredOption('--user <id>', 'whose credential it will be')
    .action(start);
  session.command('show').description('print a session').argument('<sessionId>').action(show);
  session.command('cancel').description('end a session and its VM').argument('<sessionId>').action(cancel);
  return session;
}

async function start(provider: string, options: { readonly user: string }): Promise<void> {
  const api = await connectApi();
  const started = await api.request('POST', '/api/auth/start', startResponseSchema, {
    userId: options.user,
    provider,
  });
  console.log(`session ${started.sessionId}`);
  console.log(`open:   ${started.viewerUrl}`);
}

async function show(sessionId: string): Promise<void> {
  const api = await connectApi();
  const route = `/api/auth/session/${encodeURIComponent(sessionId)}`;
  console.log(JSON.stringify(await api.request('GET', route, sessionSchema), null, 2));
}

async function cancel(sessionId: string): Promise<void> {
  const api = await connectApi();
  const route = `/api/auth/session/${encodeURIComponent(sessionId)}/cancel`;
  const session = await api.request('POST', route, sessionSchema, {});
  console.log(`session ${session.sessionId} is ${session.status}`);
}
