import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { createHost } from '@browser-vm/host';
import {
  configurationSchema,
  type Host,
  type ProviderDescriptor,
  providerDescriptorSchema,
  type SessionVm,
} from '@browser-vm/protocol';
import { INTERNET } from '../world/addresses.ts';
import { KEEP, repositoryRoot } from './support/controller-process.ts';
import { startWorld, type TestWorld } from './support/test-world.ts';
import { startWitness, WITNESS_NAME, type Witness } from './support/witness.ts';

type Values = Record<string, string>;

/** A "tool" whose login writes down what it draws and who the machine is, then opens a page that does the same. */
const SCRIPT = `
set -eu
umask 077
printf '{"kernel":"%s","node":"%s","bootId":"%s","machineId":"%s","hostname":"%s","unixTimeMs":"%s"}' \\
  "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \\n')" \\
  "$(/opt/browser-vm/bin/node -p 'crypto.randomBytes(32).toString("hex")')" \\
  "$(cat /proc/sys/kernel/random/boot_id)" "$(cat /etc/machine-id)" "$(cat /proc/sys/kernel/hostname)" "$(date +%s%3N)" >"$HOME/drawn.json"
browser-vm-open "$1"
`;

function visitor(page: string): ProviderDescriptor {
  return providerDescriptorSchema.parse({
    id: 'visitor',
    name: 'Visitor',
    tool: 'sh',
    package: { name: 'none', version: '0' },
    login: { argv: ['/bin/sh', '-c', SCRIPT, 'visitor', page] },
    opener: { urlPatterns: ['^https://'] },
    credential: { path: 'drawn.json', format: 'json', required: ['/kernel', '/node'] },
    status: null,
  });
}

/** A clock is right within this: reports travel through an emulated guest. Milliseconds. */
const CLOCK_TOLERANCE = 60_000;

let base: string;
let stateDir: string;
let world: TestWorld;
let witness: Witness;
let host: Host;

before(async () => {
  world = await startWorld();
  witness = await startWitness();
  base = await mkdtemp(path.join(os.tmpdir(), 'browser-vm-clones-'));
  await chmod(base, 0o755);
  stateDir = path.join(base, 'state');
  const runDir = path.join(base, 'run');
  for (const directory of [stateDir, runDir]) await mkdir(directory, { mode: 0o755 });
  await mkdir(path.join(KEEP, 'templates'), { recursive: true, mode: 0o755 });
  await symlink(path.join(path.dirname(KEEP), 'images'), path.join(stateDir, 'images'));
  await symlink(path.join(KEEP, 'templates'), path.join(stateDir, 'templates'));
  host = await createHost({
    configuration: configurationSchema.parse({
      ...world.environment,
      BROWSER_VM_STATE_DIR: stateDir,
      BROWSER_VM_RUN_DIR: runDir,
      BROWSER_VM_HOST_RECORDS: `${WITNESS_NAME}=${INTERNET.address}`,
      // Both have run before anybody is in them.
      BROWSER_VM_WARM: 2,
    }),
    repositoryRoot,
    logger: { info() {}, warn() {} },
  });
  await host.prepare((line) => console.log(`# ${line}`));
  assert.equal((await host.usage()).pool?.warm, 2);
});

after(async () => {
  await host?.close();
  await witness?.close();
  await world?.close();
  if (base !== undefined) await rm(base, { recursive: true, force: true });
});

test('two VMs resumed from one template at the same moment draw different values everywhere, at the right time', async () => {
  const sessions = [randomUUID(), randomUUID()];
  const vms = await Promise.all(
    sessions.map((sessionId) =>
      host.start({ sessionId, provider: visitor(witness.page(sessionId)), iceServers: [] }),
    ),
  );
  try {
    const [one, other] = await Promise.all(
      vms.map(async (vm, index): Promise<Values> => {
        const sessionId = sessions[index] ?? '';
        const drawn = prefixed('tool', await drawnByTool(vm));
        const seen = prefixed('page', await witness.valuesOf(sessionId));
        return { ...drawn, ...seen, 'agent.node': await drawnByAgent(sessionId) };
      }),
    );
    assert.ok(one && other);
    assert.ok(Object.keys(one).length >= 19, Object.keys(one).join(' '));
    assert.deepEqual(Object.keys(one).sort(), Object.keys(other).sort());
    const drawn = Object.keys(one).filter((name) => !name.endsWith('.unixTimeMs'));
    assert.deepEqual(
      drawn.filter((name) => one[name] === other[name]),
      [],
      'both VMs have the same',
    );
    for (const name of ['tool.unixTimeMs', 'page.unixTimeMs']) {
      for (const values of [one, other]) {
        assert.ok(Math.abs(Number(values[name]) - Date.now()) < CLOCK_TOLERANCE, `${name}: ${values[name]}`);
      }
    }
  } finally {
    await Promise.all(vms.map((vm) => vm.stop()));
  }
});

async function drawnByTool(vm: SessionVm): Promise<Values> {
  for await (const event of vm.events) {
    if (event.type === 'failed') assert.fail(JSON.stringify(event));
    if (event.type === 'desktop_ready') await vm.signIn();
    if (event.type === 'credential_ready') return JSON.parse((await vm.takeCredential()).content) as Values;
  }
  return assert.fail('the VM ended before it had drawn anything');
}

/** The agent says one value that it drew for this alone. */
async function drawnByAgent(sessionId: string): Promise<string> {
  const log = await readFile(path.join(stateDir, 'logs', sessionId, 'agent.log'), 'utf8');
  const [, value] = /drawn for comparison alone: ([0-9a-f]{32})/.exec(log) ?? [];
  return value ?? assert.fail('the agent said no value');
}

function prefixed(prefix: string, values: Values): Values {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}.${name}`, value]));
}
