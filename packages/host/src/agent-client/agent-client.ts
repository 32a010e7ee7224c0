import { setTimeout as delay } from 'node:timers/promises';
import {
  AGENT_CONTRACT_VERSION,
  type AgentEvent,
  type AgentHealth,
  agentEventSchema,
  agentHealthSchema,
  BrowserVmError,
  CLIPBOARD_IMAGE,
  type Credential,
  clipboardImageSchema,
  clockRequestSchema,
  clockResponseSchema,
  credentialSchema,
  type Framebuffer,
  framebufferSchema,
  type IdentifyRequest,
  type IdentifyResponse,
  identifyRequestSchema,
  identifyResponseSchema,
  type PrepareRequest,
  type ProviderDescriptor,
  prepareRequestSchema,
  type RehearseRequest,
  rehearseRequestSchema,
  signInRequestSchema,
} from '@browser-vm/protocol';
import type { z } from 'zod';
import { type Ask, GuestHttp, type KeepRunning } from './http.ts';
import { ndjson } from './ndjson.ts';

/** One attempt to connect to an agent that is not up yet. A resuming VM loses the first packets. Milliseconds. */
const REACH_TIMEOUT = 250;
/**
 * From there to its answer. Under emulation many VMs that resume at once answer seconds later; asked again and again
 * instead, each would have more and more to answer. Milliseconds.
 */
const ATTEMPT_TIMEOUT = 20_000;
const ATTEMPT_PAUSE = 20;

/** What an agent must be before it is trusted with anything. */
export interface Expected {
  readonly agentVersion: string;
  readonly commandLine: string;
  readonly address: string;
}

/** The agent of one VM, as the contract in protocol/agent.ts has it; each answer is validated. */
export class AgentClient {
  readonly #http: GuestHttp;
  #token: string | null = null;

  /** `keepRunning`: around every call but `setClock`; an event stream that is open is none. */
  constructor(at: { readonly host: string; readonly port: number }, keepRunning?: KeepRunning) {
    this.#http = new GuestHttp(at, keepRunning);
  }

  /** Resolves when the agent answers, however long its machine takes; ends by the signal alone. */
  async reachable(signal: AbortSignal): Promise<AgentHealth> {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await this.health(signal, { timeoutMs: ATTEMPT_TIMEOUT, reachTimeoutMs: REACH_TIMEOUT });
      } catch (error) {
        if (!(error instanceof BrowserVmError) || error.code !== 'agent_unreachable') throw error;
        await delay(ATTEMPT_PAUSE, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }

  async health(
    signal?: AbortSignal,
    limits: Pick<Ask, 'timeoutMs' | 'reachTimeoutMs'> = {},
  ): Promise<AgentHealth> {
    const ask = { method: 'GET', path: '/v1/health', token: this.#token, signal } as const;
    return this.#read(agentHealthSchema, await this.#http.json({ ...ask, ...limits }));
  }

  async prepare(request: PrepareRequest, signal?: AbortSignal): Promise<void> {
    const body = prepareRequestSchema.parse(request);
    await this.#http.json({ method: 'POST', path: '/v1/prepare', body, signal });
  }

  async rehearse(request: RehearseRequest, signal?: AbortSignal): Promise<void> {
    const body = rehearseRequestSchema.parse(request);
    await this.#http.json({ method: 'POST', path: '/v1/rehearse', body, signal });
  }

  /** After it every request carries the token. */
  async identify(request: IdentifyRequest, signal?: AbortSignal): Promise<IdentifyResponse> {
    const body = identifyRequestSchema.parse(request);
    const answer = await this.#http.json({ method: 'POST', path: '/v1/identify', body, signal });
    this.#token = body.token;
    return this.#read(identifyResponseSchema, answer);
  }

  /**
   * Sets the guest's clock to this machine's, after its CPUs stood still. Resolves with how far it was off: milliseconds,
   * positive when it was behind. What the guest closed meanwhile is opened anew, until the signal aborts.
   */
  async setClock(signal: AbortSignal): Promise<number> {
    for (;;) {
      try {
        const body = clockRequestSchema.parse({ unixTimeMs: Date.now() });
        const ask = {
          method: 'POST',
          path: '/v1/clock',
          body,
          token: this.#token,
          signal,
          first: true,
        } as const;
        return this.#read(clockResponseSchema, await this.#http.json(ask)).clockCorrectionMs;
      } catch (error) {
        const unreachable = error instanceof BrowserVmError && error.code === 'agent_unreachable';
        if (signal.aborted || !unreachable) throw error;
        await delay(ATTEMPT_PAUSE, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** Where the picture of that size is in the guest's memory; it may be wrong about all of it. */
  async framebuffer(size: { width: number; height: number }, signal?: AbortSignal): Promise<Framebuffer> {
    const path = `/v1/framebuffer?width=${size.width}&height=${size.height}`;
    return this.#read(
      framebufferSchema,
      await this.#http.json({ method: 'GET', path, token: this.#token, signal }),
    );
  }

  async signIn(provider: ProviderDescriptor, signal?: AbortSignal): Promise<void> {
    const body = signInRequestSchema.parse({ provider });
    await this.#http.json({ method: 'POST', path: '/v1/sign-in', body, token: this.#token, signal });
  }

  async credential(signal?: AbortSignal): Promise<Credential> {
    const answer = await this.#http.json({
      method: 'GET',
      path: '/v1/credential',
      token: this.#token,
      signal,
    });
    return this.#read(credentialSchema, answer);
  }

  /** Null: the guest's clipboard has no image. */
  async clipboardImage(signal?: AbortSignal): Promise<Uint8Array | null> {
    const ask = { method: 'GET', path: '/v1/clipboard/image', token: this.#token, signal } as const;
    const bytes = await this.#http.bytes(ask, CLIPBOARD_IMAGE.maxBytes);
    return bytes.length === 0 ? null : this.#read(clipboardImageSchema, bytes);
  }

  async setClipboardImage(png: Uint8Array, signal?: AbortSignal): Promise<void> {
    const path = '/v1/clipboard/image';
    await this.#http.bytes({ method: 'PUT', path, bytes: png, token: this.#token, signal });
  }

  /** Every event once and in order, from the first; a broken connection is taken up where it was. */
  async *events(signal: AbortSignal): AsyncGenerator<AgentEvent, void, void> {
    let after = 0;
    while (!signal.aborted) {
      try {
        const path = `/v1/events?after=${after}`;
        const response = await this.#http.open({ method: 'GET', path, token: this.#token, signal });
        if (response.statusCode !== 200) {
          response.destroy();
          throw new BrowserVmError({
            code: 'agent_refused',
            message: `GET ${path}: the agent answered ${response.statusCode}`,
            hop: 'agent',
          });
        }
        for await (const value of ndjson(response)) {
          const event = this.#read(agentEventSchema, value);
          if (event.sequence <= after) continue;
          after = event.sequence;
          yield event;
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof BrowserVmError) || error.code !== 'agent_unreachable') throw error;
      }
      await delay(ATTEMPT_PAUSE, undefined, { signal }).catch(() => {});
    }
  }

  close(): void {
    this.#http.close();
  }

  #read<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    throw new BrowserVmError(
      {
        code: 'agent_bad_answer',
        message: "the agent's answer is not of the contract's shape",
        hop: 'agent',
      },
      { cause: result.error },
    );
  }
}

/** Refuses an agent that is not the image's, or a machine that is not as we made it, by name. */
export function checkAgent(health: AgentHealth, expected: Expected): void {
  const refused = (code: string, message: string, remedy?: string) =>
    new BrowserVmError({ code, message, hop: 'agent', ...(remedy === undefined ? {} : { remedy }) });
  if (health.contractVersion !== AGENT_CONTRACT_VERSION) {
    throw refused(
      'agent_version_mismatch',
      `image agent speaks contract ${health.contractVersion}, controller ${AGENT_CONTRACT_VERSION}`,
      'run `browser-vm image build`',
    );
  }
  if (health.agentVersion !== expected.agentVersion) {
    throw refused(
      'agent_version_mismatch',
      `image agent ${health.agentVersion}, controller ${expected.agentVersion}`,
      'run `browser-vm image build`',
    );
  }
  if (health.address !== expected.address) {
    throw refused(
      'guest_address_differs',
      `the guest has address ${health.address || 'none'}, not ${expected.address}`,
    );
  }
  if (health.commandLine !== expected.commandLine) {
    throw refused(
      'guest_command_line_differs',
      `the guest's kernel got "${health.commandLine}", not "${expected.commandLine}"`,
    );
  }
  if (health.fault !== null) throw new BrowserVmError(health.fault);
}
