/**
 * Runs a command in a world of its own: a network namespace that plays the host, and one that plays the
 * internet with the identity provider in it. Nothing in it can reach an address outside this machine.
 *
 *   node test/world/main.ts COMMAND [ARG ...]
 */
import { execFileSync, spawn } from 'node:child_process';
import { INTERNET, WORLD } from './addresses.ts';

const [program, ...args] = process.argv.slice(2);
if (program === undefined) {
  console.error('usage: world COMMAND [ARG ...]');
  process.exit(2);
}

const names = { world: `bvt-world-${process.pid}`, internet: `bvt-internet-${process.pid}` };
const ip = (...words: string[]) => execFileSync('ip', words, { stdio: ['ignore', 'inherit', 'inherit'] });

function make(): void {
  for (const name of Object.values(names)) {
    ip('netns', 'add', name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
  }
  ip('-n', names.world, 'link', 'add', 'wan', 'type', 'veth', 'peer', 'name', 'lan', 'netns', names.internet);
  ip('-n', names.world, 'address', 'add', `${WORLD.address}/${WORLD.prefixLength}`, 'dev', 'wan');
  ip('-n', names.internet, 'address', 'add', `${INTERNET.address}/${INTERNET.prefixLength}`, 'dev', 'lan');
  ip('-n', names.world, 'link', 'set', 'wan', 'up');
  ip('-n', names.internet, 'link', 'set', 'lan', 'up');
}

function remove(): void {
  for (const name of Object.values(names)) {
    try {
      execFileSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
    } catch {
      // It was never made.
    }
  }
}

process.on('exit', remove);
make();
const child = spawn('ip', ['netns', 'exec', names.world, program, ...args], {
  stdio: 'inherit',
  env: { ...process.env, BROWSER_VM_TEST_INTERNET: names.internet },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
child.once('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
child.once('close', (code) => process.exit(code ?? 1));
