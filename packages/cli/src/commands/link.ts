import { Command } from 'commander';
import { z } from 'zod';
import { connectApi } from '../api/client.ts';

export function linkCommand(): Command {
  return new Command('link')
    .description('print a sign-in link for the dashboard; it works once')
    .action(link);
}

async function link(): Promise<void> {
  const api = await connectApi();
  const made = await api.request('POST', '/api/sign-in-links', z.object({ url: z.url() }), {});
  console.log(made.url);
}
