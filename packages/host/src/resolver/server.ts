import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { failure, ownAnswer, questionOf } from './answers.ts';
import { frame, frames } from './frames.ts';
import type { ResolverConfiguration } from './messages.ts';
import { Upstreams } from './upstreams.ts';

/** Questions of one guest under way at once; more are told to come back. */
const MAX_QUESTIONS = 64;
const MAX_CONNECTIONS = 8;
/** A guest's idle connection. Milliseconds. */
const IDLE = 10_000;

/** Answers one guest at one address, over UDP and TCP. */
export class ResolverServer {
  readonly #udp: UdpSocket = createSocket('udp4');
  readonly #tcp: Server = createServer((socket) => void this.#serve(socket));
  readonly #connections = new Set<Socket>();
  readonly #records: ReadonlyMap<string, string>;
  readonly #upstreams: Upstreams;
  #questions = 0;

  constructor({ records, upstreams }: ResolverConfiguration) {
    this.#records = new Map(records.map(({ name, address }) => [name, address]));
    this.#upstreams = new Upstreams(upstreams);
    this.#tcp.maxConnections = MAX_CONNECTIONS;
    this.#udp.on('message', (query, { address, port }) => {
      void this.#answer(query, 'udp').then((answer) => {
        if (answer !== null) this.#udp.send(answer, port, address, () => {});
      });
    });
  }

  async listen(address: string, port: number): Promise<void> {
    this.#udp.bind({ address, port, exclusive: true });
    await once(this.#udp, 'listening');
    this.#tcp.listen({ host: address, port, exclusive: true });
    await once(this.#tcp, 'listening');
    // A packet that cannot be sent is the guest's to ask for again.
    this.#udp.on('error', () => {});
    this.#tcp.on('error', () => {});
  }

  close(): void {
    try {
      this.#udp.close();
    } catch {
      // It was never bound.
    }
    this.#tcp.close();
    for (const socket of this.#connections) socket.destroy();
  }

  async #serve(socket: Socket): Promise<void> {
    this.#connections.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#connections.delete(socket));
    socket.setTimeout(IDLE, () => socket.destroy());
    try {
      for await (const query of frames(socket)) {
        const answer = await this.#answer(query, 'tcp');
        if (answer === null) break;
        socket.write(frame(answer));
      }
    } catch {
      // The guest is gone.
    } finally {
      socket.end();
    }
  }

  async #answer(query: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer | null> {
    const question = questionOf(query);
    if (question === null || Buffer.isBuffer(question)) return question;
    const own = ownAnswer(question, this.#records);
    if (own !== null) return own;
    if (this.#questions >= MAX_QUESTIONS) return failure(query);
    this.#questions++;
    try {
      return await this.#upstreams.ask(query, transport);
    } finally {
      this.#questions--;
    }
  }
}
