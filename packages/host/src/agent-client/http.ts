import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { BrowserVmError, faultSchema } from '@browser-vm/protocol';

/** A guest is not trusted with our memory. Bytes of one answer. */
const MAX_ANSWER = 1024 * 1024;
/** A VM whose CPUs run answers at once; emulation under load is slow. Milliseconds. */
const ANSWER_TIMEOUT = 60_000;

export interface Ask {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** As JSON; or `bytes`, as they are. */
  readonly body?: unknown;
  readonly bytes?: Uint8Array;
  readonly token?: string | null;
  /** Until the answer begins. Milliseconds. */
  readonly timeoutMs?: number;
  /** Of that, until the connection is made. Milliseconds. */
  readonly reachTimeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Part of making the guest ready for calls, so it waits for nothing. */
  readonly first?: true;
}

/** Makes sure that the guest's CPUs run while a call is under way. */
export type KeepRunning = <T>(call: () => Promise<T>) => Promise<T>;

/**
 * Keeps connections without probes: a guest in standby answers none, and a dozen in a row without an answer end a
 * connection, whose next call is then late by the time a new one takes. That a guest is gone is known from its monitor.
 */
class QuietAgent extends Agent {
  constructor() {
    super({ keepAlive: true, maxSockets: 8 });
  }

  override keepSocketAlive(socket: Socket): boolean {
    socket.setKeepAlive(false);
    socket.unref();
    return true;
  }
}

/** HTTP to one guest with connections of its own: the next VM at this address must not get this one's. */
export class GuestHttp {
  readonly #at: { readonly host: string; readonly port: number };
  readonly #connections = new QuietAgent();
  readonly #streams = new Agent({ keepAlive: false });
  readonly #keepRunning: KeepRunning;

  constructor(
    at: { readonly host: string; readonly port: number },
    keepRunning: KeepRunning = (call) => call(),
  ) {
    this.#at = at;
    this.#keepRunning = keepRunning;
  }

  /** The JSON an agent answers. Rejects with the agent's own fault, or `agent_unreachable`. */
  async json(ask: Ask): Promise<unknown> {
    const call = async () => parse(ask, (await this.#whole(ask, MAX_ANSWER)).toString('utf8'));
    return ask.first === true ? await call() : await this.#keepRunning(call);
  }

  /** What an agent answers that is no JSON. Rejects as `json` does. */
  async bytes(ask: Ask, maxBytes = MAX_ANSWER): Promise<Buffer> {
    return await this.#keepRunning(() => this.#whole(ask, maxBytes));
  }

  /** The answer's headers have arrived; its body is the caller's. While that comes, the CPUs may stop. */
  async open(ask: Ask): Promise<IncomingMessage> {
    return await this.#keepRunning(() => this.#open(ask, this.#streams));
  }

  async #whole(ask: Ask, maxBytes: number): Promise<Buffer> {
    const response = await this.#open(ask, this.#connections);
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw new Error(`an answer longer than ${maxBytes} bytes`);
        chunks.push(chunk);
      }
    } catch (error) {
      response.destroy();
      throw unreachable(ask, error);
    }
    const answer = Buffer.concat(chunks);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    const fault = faultSchema.safeParse(parse(ask, answer.toString('utf8')));
    throw new BrowserVmError(
      fault.success
        ? fault.data
        : {
            code: 'agent_refused',
            message: `${ask.method} ${ask.path}: the agent answered ${status}`,
            hop: 'agent',
          },
    );
  }

  async #open(ask: Ask, connections: Agent): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const body = ask.bytes ?? (ask.body === undefined ? undefined : Buffer.from(JSON.stringify(ask.body)));
    const type = ask.bytes === undefined ? 'application/json' : 'application/octet-stream';
    const timeout = AbortSignal.timeout(ask.timeoutMs ?? ANSWER_TIMEOUT);
    const sent: ClientRequest = request({
      ...this.#at,
      method: ask.method,
      path: ask.path,
      agent: connections,
      headers: {
        ...(body === undefined ? {} : { 'content-type': type, 'content-length': body.length }),
        ...(ask.token == null ? {} : { authorization: `Bearer ${ask.token}` }),
      },
    });
    const abort = (): void => {
      sent.destroy(new Error(timeout.aborted ? 'no answer in time' : 'aborted'));
    };
    const late =
      ask.reachTimeoutMs === undefined
        ? undefined
        : setTimeout(() => sent.destroy(new Error('no connection in time')), ask.reachTimeoutMs);
    sent.once('socket', (socket) => {
      if (socket.connecting) socket.once('connect', () => clearTimeout(late));
      else clearTimeout(late);
    });
    timeout.addEventListener('abort', abort, { once: true });
    ask.signal?.addEventListener('abort', abort, { once: true });
    if (ask.signal?.aborted === true) abort();
    sent.once('error', reject);
    sent.once('response', resolve);
    sent.end(body);
    try {
      const response = await promise;
      // From here on the caller's signal ends it, not the time an answer may take to begin.
      timeout.removeEventListener('abort', abort);
      response.once('close', () => ask.signal?.removeEventListener('abort', abort));
      return response;
    } catch (error) {
      ask.signal?.removeEventListener('abort', abort);
      timeout.removeEventListener('abort', abort);
      throw unreachable(ask, error);
    } finally {
      clearTimeout(late);
    }
  }

  close(): void {
    this.#connections.destroy();
    this.#streams.destroy();
  }
}

function parse(ask: Ask, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BrowserVmError(
      {
        code: 'agent_not_json',
        message: `${ask.method} ${ask.path}: the agent's answer is no JSON`,
        hop: 'agent',
      },
      { cause: error },
    );
  }
}

function unreachable(ask: Ask, error: unknown): BrowserVmError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new BrowserVmError(
    { code: 'agent_unreachable', message: `${ask.method} ${ask.path}: ${code ?? message}`, hop: 'agent' },
    { cause: error },
  );
}
