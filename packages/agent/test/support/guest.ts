import { chmodSync, chownSync, mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentEvent, agentEventSchema } from '@browser-vm/protocol';
import { lookOf } from '../../src/desktop/painted.ts';
import { Agent, type AgentOptions, lookUpUser } from '../../src/index.ts';
import { WORLD } from './namespace.ts';

const DISPLAY = 93;
const VNC_PORT = 5993;
const SOUND_PORT = 4793;
export const TOKEN = 'a-token-that-is-long-enough-for-a-test';

/** An agent on this machine, with everything of a guest but the machine itself. */
export interface Guest {
  readonly agent: Agent;
  readonly home: string;
  readonly vncPort: number;
  readonly soundPort: number;
  readonly events: AgentEvent[];
  readonly console: string[];
  /** `body`: bytes as they are, anything else as JSON. */
  call(method: string, path: string, body?: unknown, token?: string | null): Promise<Response>;
  /** Resolves with the first event of that type, past or future. Rejects after a generous limit with what was seen. */
  event<Type extends AgentEvent['event']['type']>(
    type: Type,
    where?: (event: Extract<AgentEvent['event'], { type: Type }>) => boolean,
  ): Promise<Extract<AgentEvent['event'], { type: Type }>>;
  close(): Promise<void>;
}

/** Milliseconds until an event that does not come fails a test. */
const PATIENCE = 90_000;
/** Lines of the console that such a failure shows. */
const SHOWN = 40;

export function testOptions(
  toolPath: readonly string[],
  writeLine: (line: string) => void,
  changes: Partial<AgentOptions> = {},
): AgentOptions {
  const directory = mkdtempSync(join(WORLD, 'guest-'));
  const user = { ...lookUpUser('nobody'), home: join(directory, 'home') };
  mkdirSync(user.home);
  chownSync(user.home, user.uid, user.gid);
  mkdirSync(join(directory, 'agent'));
  chmodSync(directory, 0o755);
  return {
    agentVersion: 'test',
    listen: { address: '127.0.0.1', port: 0 },
    allowedPeer: '127.0.0.1',
    user,
    display: DISPLAY,
    vncPort: VNC_PORT,
    soundPort: SOUND_PORT,
    loopbackOnly: true,
    toolPath: [...toolPath, '/usr/local/bin', '/usr/bin', '/bin'],
    runtimeDirectory: join(directory, 'agent'),
    chromium: '/usr/bin/chromium',
    chromiumPolicyDirectory: '/etc/chromium/policies/managed',
    caBundle: '/etc/ssl/certs/ca-certificates.crt',
    ownsMachine: false,
    prepareTimeoutMs: 60_000,
    openTimeoutMs: 30_000,
    writeLine,
    ...changes,
  };
}

export async function startGuest(
  toolPath: readonly string[] = [],
  changes: Partial<AgentOptions> = {},
): Promise<Guest> {
  const console: string[] = [];
  const options = testOptions(toolPath, (line) => console.push(line), changes);
  const agent = new Agent(options);
  const port = await agent.start();
  const ended = new AbortController();
  const events: AgentEvent[] = [];
  const waiting = new Set<() => void>();
  const call: Guest['call'] = (method, path, body, token = TOKEN) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      signal: ended.signal,
      ...(body === undefined
        ? {}
        : { body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body) }),
      headers: {
        'content-type': 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
    });
  const stream = (await call('GET', '/v1/events')).body!;
  const reading = readLines(stream, (line) => {
    events.push(agentEventSchema.parse(JSON.parse(line)));
    for (const wake of waiting) wake();
  });
  return {
    agent,
    home: options.user.home,
    vncPort: VNC_PORT,
    soundPort: SOUND_PORT,
    events,
    console,
    call,
    event: (type, where = () => true) =>
      new Promise((resolve, reject) => {
        const settle = (how: () => void) => {
          clearTimeout(timer);
          waiting.delete(look);
          how();
        };
        const look = () => {
          for (const { event } of events) {
            if (event.type === type && where(event as never)) {
              return settle(() => resolve(event as never));
            }
            if (event.type === 'failed' && type !== 'failed') {
              const { code, message, details } = event.fault;
              return settle(() => reject(new Error(`${code}: ${message} ${JSON.stringify(details ?? {})}`)));
            }
          }
        };
        const timer = setTimeout(async () => {
          const picture = await lookOf(VNC_PORT);
          const lines = console.slice(-SHOWN).join('\n');
          settle(() =>
            reject(
              new Error(
                `no event ${type} in ${PATIENCE / 1000} s; the desktop: ${picture}; console:\n${lines}`,
              ),
            ),
          );
        }, PATIENCE);
        waiting.add(look);
        look();
      }),
    async close() {
      await agent.close();
      await reading;
      ended.abort();
    },
  };
}

async function readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  let rest = '';
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  }
}
