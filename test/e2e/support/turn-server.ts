import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TURN } from './networks.ts';

const run = promisify(execFile);

export const TURN_SECRET = 'shared-by-coturn-and-the-controller';
const PORTS = { plain: 3478, tls: 5349 } as const;
export const TURN_URLS = [
  `turn:${TURN.address}:${PORTS.plain}?transport=udp`,
  `turn:${TURN.address}:${PORTS.plain}?transport=tcp`,
  `turns:${TURN.name}:${PORTS.tls}?transport=tcp`,
];

/** Debian's coturn in a network namespace, with the scheme of the operator's guide. */
export class TurnServer {
  /** Of who signed its certificate; PEM. */
  readonly authorityFile: string;
  readonly #process: ChildProcess;
  readonly #folder: string;
  /** Its last words. */
  #said = '';

  private constructor(child: ChildProcess, folder: string) {
    this.#process = child;
    this.#folder = folder;
    this.authorityFile = join(folder, 'authority.pem');
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#said = (this.#said + chunk.toString('utf8')).slice(-20_000);
      });
    }
  }

  static async start(namespace: string): Promise<TurnServer> {
    const folder = await mkdtemp(join(tmpdir(), 'browser-vm-turn-'));
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'];
    const certificate = (name: string, ...more: string[]) =>
      run('openssl', [
        ...['req', '-x509', ...key, '-subj', `/CN=${name}`],
        ...['-keyout', `${folder}/${name}.key`, '-out', `${folder}/${name}.pem`, ...more],
      ]);
    await certificate('authority');
    await certificate(
      'turn',
      ...['-CA', `${folder}/authority.pem`, '-CAkey', `${folder}/authority.key`],
      ...['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', `subjectAltName=DNS:${TURN.name}`],
    );
    const file = join(folder, 'turnserver.conf');
    await writeFile(
      file,
      `listening-ip=${TURN.address}
relay-ip=${TURN.address}
listening-port=${PORTS.plain}
tls-listening-port=${PORTS.tls}
min-port=49152
max-port=49200
realm=example.org
use-auth-secret
static-auth-secret=${TURN_SECRET}
cert=${folder}/turn.pem
pkey=${folder}/turn.key
userdb=${folder}/turndb
pidfile=${folder}/turnserver.pid
log-file=stdout
simple-log
no-cli
no-multicast-peers
`,
    );
    const argv = ['netns', 'exec', namespace, 'turnserver', '-c', file];
    const server = new TurnServer(
      spawn('ip', argv, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH ?? '' } }),
      folder,
    );
    await server.#listening();
    return server;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const gone = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await gone;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  get said(): string {
    return this.#said;
  }

  async #listening(): Promise<void> {
    const deadline = Date.now() + 30_000;
    for (const port of Object.values(PORTS)) {
      while (!(await accepts(port))) {
        if (Date.now() > deadline || this.#process.exitCode !== null) {
          await this.stop();
          throw new Error(`coturn does not listen on port ${port}: ${this.#said}`);
        }
      }
    }
  }
}

function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: TURN.address, port, timeout: 200 });
  const settle = (accepted: boolean) => {
    socket.destroy();
    setTimeout(resolve, accepted ? 0 : 50, accepted);
  };
  socket.once('connect', () => settle(true));
  socket.once('error', () => settle(false));
  socket.once('timeout', () => settle(false));
  return promise;
}
