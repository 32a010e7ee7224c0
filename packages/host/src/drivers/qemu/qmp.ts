import type { Duplex } from 'node:stream';
import { BrowserVmError } from '@browser-vm/protocol';
import { z } from 'zod';

/** The monitor is not trusted with our memory: the longest line it may send. Bytes. */
const MAX_LINE = 1024 * 1024;
/** No command here takes longer than this on a machine that is alive. Milliseconds. */
const COMMAND_TIMEOUT = 30_000;

const greetingSchema = z.object({
  QMP: z.object({
    version: z.object({
      qemu: z.object({ major: z.number(), minor: z.number(), micro: z.number() }),
    }),
  }),
});
const messageSchema = z.union([
  greetingSchema,
  z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }), id: z.number().optional() }),
  z.object({ return: z.unknown(), id: z.number() }),
]);

type Message = z.infer<typeof messageSchema>;
type Answer = Exclude<Message, { QMP: unknown } | { event: unknown }>;

export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Waiting {
  readonly command: string;
  readonly timer: NodeJS.Timeout;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** QEMU's machine protocol on one connection: JSON lines, commands answered by id, events in between. */
export class Qmp {
  readonly #stream: Duplex;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onEvent: (event: QmpEvent) => void;
  readonly #greeting = Promise.withResolvers<void>();
  #nextId = 1;
  #rest = '';
  #closed: BrowserVmError | null = null;

  private constructor(stream: Duplex, onEvent: (event: QmpEvent) => void) {
    this.#stream = stream;
    this.#onEvent = onEvent;
    this.#greeting.promise.catch(() => {});
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => this.#receive(text));
    stream.once('error', (error) => this.#close(`connection lost: ${error.message}`));
    stream.once('close', () => this.#close('connection closed'));
    stream.once('end', () => this.#close('connection closed'));
  }

  /** Resolves after greeting and capability negotiation. Events arrive at `onEvent` from the first on. */
  static async connect(stream: Duplex, onEvent: (event: QmpEvent) => void): Promise<Qmp> {
    const qmp = new Qmp(stream, onEvent);
    const timer = setTimeout(() => qmp.#close('no greeting'), COMMAND_TIMEOUT);
    try {
      await qmp.#greeting.promise;
    } finally {
      clearTimeout(timer);
    }
    await qmp.execute('qmp_capabilities');
    return qmp;
  }

  /** Rejects with `qmp_refused` when QEMU says no, `qmp_closed` when the connection ends, `qmp_timeout`. */
  async execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.#closed !== null) throw this.#closed;
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = setTimeout(() => {
      this.#waiting.delete(id);
      reject(fault('qmp_timeout', `QEMU did not answer ${command} within ${COMMAND_TIMEOUT / 1000} s`));
    }, COMMAND_TIMEOUT);
    this.#waiting.set(id, { command, timer, resolve, reject });
    this.#stream.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    return await promise;
  }

  close(): void {
    this.#close('closed by us');
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MAX_LINE) this.#close(`a line longer than ${MAX_LINE} bytes`);
    for (const line of lines) {
      if (this.#closed !== null) return;
      if (line.trim() !== '') this.#line(line);
    }
  }

  #line(line: string): void {
    const message = parse(line);
    if (message === null) this.#close(`not QMP: ${line.slice(0, 120)}`);
    else if ('QMP' in message) this.#greeting.resolve();
    else if ('event' in message) this.#onEvent(message);
    else this.#answer(message);
  }

  #answer(message: Answer): void {
    const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id);
    if (message.id === undefined || waiting === undefined) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if ('error' in message) {
      waiting.reject(fault('qmp_refused', `QEMU refused ${waiting.command}: ${message.error.desc}`));
    } else {
      waiting.resolve(message.return);
    }
  }

  #close(why: string): void {
    if (this.#closed !== null) return;
    this.#closed = fault('qmp_closed', `QMP ${why}`);
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(this.#closed);
    }
    this.#waiting.clear();
    this.#greeting.reject(this.#closed);
    this.#stream.destroy();
  }
}

function parse(line: string): Message | null {
  try {
    return messageSchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}

function fault(code: string, message: string): BrowserVmError {
  return new BrowserVmError({ code, message, hop: 'driver' });
}
