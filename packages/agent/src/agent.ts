import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import {
  AGENT_CONTRACT_VERSION,
  type AgentHealth,
  BrowserVmError,
  type ClockRequest,
  type ClockResponse,
  type Credential,
  type Fault,
  type Framebuffer,
  type FramebufferQuery,
  type IdentifyRequest,
  type IdentifyResponse,
  type PrepareRequest,
  type RehearseRequest,
  type SignInRequest,
  toFault,
} from '@browser-vm/protocol';
import { clipboardImage, setClipboardImage } from './desktop/clipboard-image.ts';
import { Desktop } from './desktop/desktop.ts';
import { EventLog } from './events/event-log.ts';
import { becomeMachine, checkIdentity } from './identity/identity.ts';
import { setClock } from './identity/kernel.ts';
import type { AgentOptions } from './options.ts';
import { type Listener, listen } from './server/listen.ts';
import { routes } from './server/routes.ts';
import type { Service } from './server/service.ts';
import { SignIn } from './sign-in/sign-in.ts';
import { cacheTools } from './sign-in/tool-cache.ts';
import { ownAddress } from './stages/network.ts';
import { initStartedMs, sinceKernelStartMs } from './stages/uptime.ts';
import { checkCertificates, trust } from './trust/certificates.ts';

type State = AgentHealth['state'];

/** Of a VM that is a session's. */
const IN_USE: readonly State[] = ['identified', 'signing_in', 'signed_in', 'failed'];

/** What one guest does, once: booted, prepared, identified, signed in. */
export class Agent implements Service {
  readonly events = new EventLog(sinceKernelStartMs);
  readonly #options: AgentOptions;
  readonly #desktop: Desktop;
  readonly #stages: AgentHealth['stages'] = [];
  readonly #refusedPeers = new Set<string>();
  #trustEnvironment: Record<string, string> = {};
  #timezone = 'Etc/UTC';
  #listener: Listener | null = null;
  #signIn: SignIn | null = null;
  #credential: Credential | null = null;
  #state: State = 'booted';
  #fault: Fault | null = null;
  #token: string | null = null;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#desktop = new Desktop(options, this.events);
    this.#writeEvents();
  }

  get token(): string | null {
    return this.#token;
  }

  /** Resolves with the port when requests are answered. */
  async start(): Promise<number> {
    this.events.append({ type: 'stage', stage: 'kernel' }, initStartedMs());
    if (ownAddress() !== null) this.events.append({ type: 'stage', stage: 'network' });
    this.#listener = await listen(routes(this), this.#options.listen, this.#options.allowedPeer, (peer) =>
      this.#refused(peer),
    );
    this.events.append({ type: 'stage', stage: 'agent' });
    return this.#listener.port;
  }

  health(): AgentHealth {
    return {
      agentVersion: this.#options.agentVersion,
      contractVersion: AGENT_CONTRACT_VERSION,
      state: this.#state,
      stages: this.#stages,
      address: ownAddress() ?? '',
      commandLine: readFileSync('/proc/cmdline', 'utf8').trim(),
      memoryTotalMb: Math.round(totalmem() / 1e6),
      unixTimeMs: Date.now(),
      fault: this.#fault,
    };
  }

  /** Accepts, then goes on by itself: `prepared` or `failed` follow. Throws when not freshly booted. */
  prepare(request: PrepareRequest): void {
    this.#expect('prepare', ['booted']);
    checkCertificates(request.caCertificates);
    this.#state = 'preparing';
    this.#go('browser', async () => {
      this.#trustEnvironment = trust(this.#options, request.caCertificates);
      await this.#desktop.start(request);
      this.#state = 'prepared';
      if (this.#options.ownsMachine)
        await cacheTools(this.#options).catch((error: unknown) => this.#uncached(error));
    });
  }

  /** Does once what `identify` does to the machine, so that its code is there when it counts. Leaves no state. */
  rehearse(request: RehearseRequest): void {
    this.#expect('rehearse', ['prepared']);
    checkIdentity(request);
    if (this.#options.ownsMachine) becomeMachine(request);
  }

  async identify(request: IdentifyRequest): Promise<IdentifyResponse> {
    this.#expect('identify', ['booted', 'prepared']);
    checkIdentity(request);
    const clockCorrectionMs = request.unixTimeMs - Date.now();
    if (this.#options.ownsMachine) {
      const message = `generators renewed; one value, drawn for comparison alone: ${becomeMachine(request)}`;
      this.events.append({ type: 'log', level: 'info', message });
    }
    this.#desktop.renewRandomness();
    if (request.sound) this.#desktop.startSound();
    this.#timezone = request.timezone;
    this.#token = request.token;
    this.#state = 'identified';
    return { clockCorrectionMs };
  }

  /** After the CPUs stood still: the guest cannot know for how long. Throws before `identify`. */
  setClock(request: ClockRequest): ClockResponse {
    this.#expect('clock', IN_USE);
    const clockCorrectionMs = request.unixTimeMs - Date.now();
    if (this.#options.ownsMachine) setClock(request.unixTimeMs);
    return { clockCorrectionMs };
  }

  /** Throws `no_framebuffer` when the picture cannot be read from outside. */
  framebuffer({ width, height }: FramebufferQuery): Framebuffer {
    return this.#desktop.framebuffer(width, height);
  }

  /** Accepts, then goes on by itself: `signed_in` or `failed` follow. Throws before `identify`. */
  signIn(request: SignInRequest): void {
    this.#expect('sign-in', ['identified']);
    const signIn = new SignIn({
      options: this.#options,
      provider: request.provider,
      environment: { ...this.#trustEnvironment, TZ: this.#timezone },
      events: this.events,
      open: (url) => this.#desktop.open(url),
    });
    this.#signIn = signIn;
    this.#state = 'signing_in';
    this.#go('provider', async () => {
      this.#credential = await signIn.run();
      this.#state = 'signed_in';
      this.events.append({ type: 'credential_ready' });
    });
  }

  credential(): Credential {
    if (this.#credential !== null) return this.#credential;
    throw new BrowserVmError(
      { code: 'no_credential', message: `there is no credential: the agent is ${this.#state}`, hop: 'agent' },
      { status: 404 },
    );
  }

  async clipboardImage(): Promise<Uint8Array | null> {
    this.#expect('clipboard', IN_USE);
    return await clipboardImage(this.#options);
  }

  async setClipboardImage(png: Uint8Array): Promise<void> {
    this.#expect('clipboard', IN_USE);
    await setClipboardImage(this.#options, png);
  }

  async close(): Promise<void> {
    await this.#signIn?.stop();
    await this.#desktop.stop();
    this.events.close();
    await this.#listener?.close();
  }

  #expect(what: string, states: readonly State[]): void {
    if (states.includes(this.#state)) return;
    throw new BrowserVmError(
      {
        code: 'wrong_state',
        message: `${what} needs an agent that is ${states.join(' or ')}; this one is ${this.#state}`,
        hop: 'agent',
      },
      { status: 409 },
    );
  }

  #go(hop: Fault['hop'], work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      this.#fault = toFault(error, hop);
      this.#state = 'failed';
      this.events.append({ type: 'failed', fault: this.#fault });
    });
  }

  /** VMs of this template only take more memory. */
  #uncached(error: unknown): void {
    const message = `tools not read ahead: ${error instanceof Error ? error.message : String(error)}`;
    this.events.append({ type: 'log', level: 'warn', message });
  }

  #refused(peer: string): void {
    if (this.#refusedPeers.size >= 16 || this.#refusedPeers.has(peer)) return;
    this.#refusedPeers.add(peer);
    this.events.append({ type: 'log', level: 'warn', message: `refused a connection from ${peer}` });
  }

  /** Stages into the health, and every event onto the console. */
  async #writeEvents(): Promise<void> {
    for await (const { event, elapsedMs } of this.events.follow(0, new AbortController().signal)) {
      if (event.type === 'stage') this.#stages.push({ stage: event.stage, elapsedMs });
      this.#options.writeLine(`agent: [${(elapsedMs / 1000).toFixed(2)}] ${describe(event)}`);
    }
  }
}

type Event = Parameters<EventLog['append']>[0];

function describe(event: Event): string {
  switch (event.type) {
    case 'stage':
      return `stage ${event.stage}`;
    case 'url_opened':
      return `url opened: ${event.origin}`;
    case 'clipboard':
      return `clipboard ${event.hasImage ? 'with' : 'without'} an image`;
    case 'failed':
      return `failed: ${event.fault.code}: ${event.fault.message}`;
    case 'log':
      return `${event.level} ${event.message}`;
    default:
      return event.type.replaceAll('_', ' ');
  }
}
