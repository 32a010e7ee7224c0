import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { failure } from './answers.ts';
import { frame, frames } from './frames.ts';

/** While upstreams answer, a slow name is worth waiting for. Milliseconds. */
const PATIENT = 4000;
/** While none does, a guest is told so within a second. */
const IMPATIENT = 800;
/** How long an answer shows that upstreams are there. */
const HEALTHY_FOR = 60_000;
const DNS_PORT = 53;

/** Asks all upstreams at once; the first answer wins. Never rejects: no answer is an answer too. */
export class Upstreams {
  readonly #addresses: readonly string[];
  #healthyUntil = 0;

  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  async ask(query: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer> {
    const healthy = performance.now() < this.#healthyUntil;
    const signal = AbortSignal.timeout(healthy ? PATIENT : IMPATIENT);
    const won = new AbortController();
    const ask = transport === 'udp' ? askUdp : askTcp;
    try {
      const answer = await Promise.any(
        this.#addresses.map((address) => ask(query, address, AbortSignal.any([signal, won.signal]))),
      );
      this.#healthyUntil = performance.now() + HEALTHY_FOR;
      return answer;
    } catch {
      return failure(query);
    } finally {
      won.abort();
    }
  }
}

/** A socket and an id of its own per question, so that nobody can guess where to send a false answer. */
async function askUdp(query: Buffer, address: string, signal: AbortSignal): Promise<Buffer> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const id = randomInt(0x1_0000);
  const asked = Buffer.from(query);
  asked.writeUInt16BE(id, 0);
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  socket.on('error', reject);
  socket.on('message', (answer) => {
    if (answer.length < 12 || answer.readUInt16BE(0) !== id || (answer[2]! & 0x80) === 0) return;
    query.copy(answer, 0, 0, 2);
    resolve(answer);
  });
  // Connected, so that answers of others are dropped and an unreachable upstream is an error at once.
  socket.connect(DNS_PORT, address, (error?: Error) => {
    if (error !== undefined) reject(error);
    else if (!signal.aborted) socket.send(asked);
  });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.close();
  }
}

async function askTcp(query: Buffer, address: string, signal: AbortSignal): Promise<Buffer> {
  const socket = connect({ host: address, port: DNS_PORT });
  const abort = () => socket.destroy(new Error('no answer in time'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    socket.write(frame(query));
    for await (const answer of frames(socket)) return answer;
    throw new Error('closed without an answer');
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}
