import { existsSync, readFileSync } from 'node:fs';
import { Agent } from './agent.ts';
import { guestOptions } from './options.ts';
import { lookUpUser } from './user.ts';

/** The build writes the hash of what it bundled beside the bundle. */
function version(): string {
  const fromBuild = process.env.BROWSER_VM_AGENT_VERSION;
  if (fromBuild) return fromBuild;
  const file = new URL('./version', import.meta.url);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : 'development';
}

const agent = new Agent(guestOptions(version(), lookUpUser('user')));
await agent.start();

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, async () => {
    await agent.close();
    process.exit(0);
  });
}
