import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { INTERNET } from '../../world/addresses.ts';
import { KEEP, repositoryRoot } from './controller-process.ts';

export const WITNESS_NAME = 'witness.test';

type Values = Record<string, string>;

/** A web server in the namespace that plays the internet, which says what its visitors drew at random. */
export interface Witness {
  /** The page that a VM opens; `vm` is any name for it. */
  page(vm: string): string;
  /** Waits until the VM's page has reported and every connection it needed has been seen. */
  valuesOf(vm: string): Promise<Values>;
  close(): Promise<void>;
}

/** The connection for the page itself, the one its script posts over, and what it posts. */
const ENTRIES = 3;

/** A page needs this long under emulation on a loaded host. Milliseconds. */
const LIMIT = 180_000;

/** After the identity provider, whose authority signs the witness's certificate. */
export async function startWitness(): Promise<Witness> {
  const namespace = process.env.BROWSER_VM_TEST_INTERNET;
  if (namespace === undefined) throw new Error('run this inside a world: node test/world/main.ts ...');
  const child = spawn(
    'ip',
    [
      ...['netns', 'exec', namespace, process.execPath, 'test/witness/main.ts'],
      ...['--address', INTERNET.address, '--host-name', WITNESS_NAME],
      ...['--authority', path.join(KEEP, 'authority.json')],
    ],
    { cwd: repositoryRoot, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const closed = once(child, 'close');
  const seen = new Map<string, Values[]>();
  const lines = createInterface({ input: child.stdout });
  const [first] = (await Promise.race([
    once(lines, 'line'),
    closed.then(([code]) => Promise.reject(new Error(`the witness ended with ${code}`))),
  ])) as [string];
  const { port } = JSON.parse(first) as { port: number };
  lines.on('line', (line) => {
    const { vm, values } = JSON.parse(line) as { vm: string; values: Values };
    seen.set(vm, [...(seen.get(vm) ?? []), values]);
  });
  return {
    page: (vm) => `https://${WITNESS_NAME}:${port}/?vm=${vm}`,
    async valuesOf(vm) {
      const limit = AbortSignal.timeout(LIMIT);
      while ((seen.get(vm)?.length ?? 0) < ENTRIES) await once(lines, 'line', { signal: limit });
      const values = (seen.get(vm) ?? []).flatMap((entry, index) =>
        Object.entries(entry).map(([name, value]) => [
          name.startsWith('tls') ? `${name}${index}` : name,
          value,
        ]),
      );
      return Object.fromEntries(values) as Values;
    },
    async close() {
      child.kill('SIGTERM');
      await closed;
    },
  };
}
