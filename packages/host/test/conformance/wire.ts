import { readFile } from 'node:fs/promises';
import { GUEST } from '@browser-vm/protocol';
import type { VmNetwork } from '../../src/drivers/driver.ts';
import { run } from '../../src/system/run.ts';

/** A namespace with nothing but a TAP, on which the guest is the only neighbour. */
export interface Wire extends VmNetwork, AsyncDisposable {
  /** Asks the tiny guest a question; see request.sh. */
  ask(question: string): Promise<string>;
  /** Resolves when the guest answers at all. */
  answered(): Promise<void>;
}

/** Runs inside the namespace; a guest that is not up yet refuses or does not answer at all. */
const ASK = `
const answer = await fetch(process.argv[1], { signal: AbortSignal.timeout(20_000) });
process.stdout.write(await answer.text());
`;

let made = 0;

export async function makeWire(uid: number): Promise<Wire> {
  const name = `bvm-test-${process.pid}-${made++}`;
  const ip = (...argv: string[]) => run('ip', argv, { hop: 'slot' });
  await ip('netns', 'add', name);
  try {
    await ip('-n', name, 'tuntap', 'add', 'dev', 'tap0', 'mode', 'tap', 'user', String(uid));
    await ip('-n', name, 'address', 'add', `${GUEST.gateway}/${GUEST.prefixLength}`, 'dev', 'tap0');
    await ip('-n', name, 'link', 'set', 'tap0', 'up');
  } catch (error) {
    await ip('netns', 'delete', name);
    throw error;
  }
  const namespace = `/run/netns/${name}`;
  const ask = async (question: string) => {
    const url = `http://${GUEST.address}:${GUEST.agentPort}/cgi-bin/request?${question}`;
    const argv = [`--net=${namespace}`, process.execPath, '--input-type=module', '-e', ASK, url];
    return (await run('nsenter', argv, { hop: 'agent', timeoutMs: 60_000 })).trim();
  };
  return {
    namespace,
    tap: 'tap0',
    macAddress: GUEST.macAddress,
    ask,
    async answered() {
      for (const until = Date.now() + 60_000; ; ) {
        try {
          await ask('count');
          return;
        } catch (error) {
          if (Date.now() > until) throw error;
        }
      }
    },
    async [Symbol.asyncDispose]() {
      await ip('netns', 'delete', name);
    },
  };
}

/** One field of /proc/PID/status. */
export async function statusOf(pid: number, field: string): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return new RegExp(`^${field}:[ \\t]*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? '';
}
