import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { BrowserVmError } from '@browser-vm/protocol';
import { RESOLVER_UID } from '../slot/users.ts';
import { SYSTEM_PATH } from '../system/run.ts';
import { type ResolverCommand, type ResolverConfiguration, resolverEventSchema } from './messages.ts';

const MAIN = new URL('./main.ts', import.meta.url).pathname;
const OBJECTS_MB = 64;
/** Milliseconds. */
const ANSWER_TIMEOUT = 20_000;

/** The guests' resolver: one process for all slots of this controller, started with the first, and again if it ends. */
export class Resolver {
  readonly #configuration: ResolverConfiguration;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #addresses = new Set<string>();
  readonly #waiting = new Map<string, { resolve(): void; reject(error: Error): void }>();
  readonly #onDeath: (message: string) => void;
  #process: Promise<ChildProcess> | null = null;
  #closed = false;

  constructor(
    configuration: ResolverConfiguration,
    environment: Readonly<Record<string, string>>,
    onDeath: (message: string) => void,
  ) {
    this.#configuration = configuration;
    this.#environment = environment;
    this.#onDeath = onDeath;
  }

  /** Started ahead, so that the first session does not wait for it. */
  async start(): Promise<void> {
    this.#process ??= this.#start();
    await this.#process;
  }

  /** Resolves when guests are answered at the host's address of their slot. */
  async listen(address: string): Promise<void> {
    this.#process ??= this.#start();
    const child = await this.#process;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.set(address, { resolve, reject });
    const timer = setTimeout(
      () => reject(failed(`the resolver did not answer for ${address}`)),
      ANSWER_TIMEOUT,
    );
    this.#addresses.add(address);
    send(child, { type: 'listen', address });
    try {
      await promise;
    } catch (error) {
      this.#addresses.delete(address);
      throw error;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(address);
    }
  }

  async unlisten(address: string): Promise<void> {
    this.#addresses.delete(address);
    const child = await this.#process?.catch(() => null);
    if (child != null) send(child, { type: 'unlisten', address });
  }

  async close(): Promise<void> {
    this.#closed = true;
    const child = await this.#process?.catch(() => null);
    if (child == null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'close');
    child.kill('SIGKILL');
    await gone;
  }

  async #start(): Promise<ChildProcess> {
    const node = [
      process.execPath,
      `--max-old-space-size=${OBJECTS_MB}`,
      '--disable-warning=ExperimentalWarning',
    ];
    const child = spawn('setpriv', ['--no-new-privs', '--pdeathsig', 'KILL', '--', ...node, MAIN], {
      cwd: '/',
      env: { PATH: SYSTEM_PATH, ...this.#environment, BROWSER_VM_RESOLVER_UID: String(RESOLVER_UID) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      detached: true,
    });
    let said = '';
    child.stderr?.on('data', (chunk) => {
      said = (said + chunk).slice(-2000);
    });
    const ready = Promise.withResolvers<void>();
    child.once('error', ready.reject);
    child.once('exit', (code, signal) => {
      const error = failed(`the resolver ended with ${signal ?? `exit code ${code}`}: ${lastError(said)}`);
      ready.reject(error);
      for (const waiting of this.#waiting.values()) waiting.reject(error);
      this.#process = null;
      if (!this.#closed) this.#restart(error.message);
    });
    child.on('message', (message) => {
      const { data: event } = resolverEventSchema.safeParse(message);
      if (event === undefined) child.kill('SIGKILL');
      else if (event.type === 'ready') ready.resolve();
      else if (event.type === 'listening') this.#waiting.get(event.address)?.resolve();
      else this.#waiting.get(event.address)?.reject(failed(event.message));
    });
    const timer = setTimeout(() => ready.reject(failed('the resolver did not start')), ANSWER_TIMEOUT);
    try {
      await ready.promise;
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    } finally {
      clearTimeout(timer);
    }
    send(child, { type: 'configure', ...this.#configuration });
    return child;
  }

  /** Guests that run go on resolving; a resolver that cannot even start is told at the next slot. */
  #restart(why: string): void {
    this.#onDeath(why);
    const addresses = [...this.#addresses];
    if (addresses.length === 0 || this.#process !== null) return;
    this.#process = this.#start();
    this.#process.then(
      (child) => {
        for (const address of addresses) send(child, { type: 'listen', address });
      },
      () => {
        this.#process = null;
      },
    );
  }
}

function send(child: ChildProcess, command: ResolverCommand): void {
  if (child.connected) child.send(command, () => {});
}

/** The line that names the error; Node.js ends with its own version. */
function lastError(said: string): string {
  const lines = said.trim().split('\n');
  return lines.findLast((line) => line.includes('Error')) ?? lines.at(-1) ?? '';
}

function failed(message: string): BrowserVmError {
  return new BrowserVmError({ code: 'resolver_failed', message, hop: 'resolver' });
}
