import { randomUUID } from 'node:crypto';
import { type Duplex, duplexPair } from 'node:stream';
import {
  type Admission,
  BrowserVmError,
  type Check,
  type ControlHolder,
  type Credential,
  type Fault,
  type Host,
  type HostUsage,
  type IceCandidate,
  type Place,
  type SessionVm,
  type SessionWait,
  type ViewerMode,
  type VmEvent,
  type VmRequest,
  type VncViewer,
} from '@browser-vm/protocol';

/** What the tests' VMs hand over. */
export const CREDENTIAL: Credential = {
  content: JSON.stringify({ tokens: { id_token: 'SECRET-CONTENT' } }),
  path: '.codex/auth.json',
  account: 'person@example.org',
  expiresAt: '2031-01-01T00:00:00.000Z',
};

export function fault(code: string, message = `${code} happened`): Fault {
  return { code, message, hop: 'driver' };
}

interface Waiting {
  readonly enter: () => void;
  moved: (wait: SessionWait) => void;
}

function standing(ahead: number): SessionWait {
  return { reason: 'count', message: 'this host is full: a test', ahead, expectedSeconds: 7 * (ahead + 1) };
}

/**
 * A host whose VMs do what a test tells them. It shows the contract between API, state machine and `Host`;
 * that the product works is shown with real VMs elsewhere. It counts what was started and not stopped.
 */
export class ScriptedHost implements Host {
  readonly vms: ScriptedVm[] = [];
  /** VMs at once. */
  places = 1000;
  /** Who finds no place waits for one. */
  queues = false;
  reconciled = 0;
  refuse: BrowserVmError | null = null;
  /** Awaited in `start`. */
  startGate: Promise<void> = Promise.resolve();
  readonly #waiters: Array<() => void> = [];
  readonly #queue: Waiting[] = [];
  #taken = 0;

  get leaked(): number {
    return this.vms.filter((vm) => !vm.stopped).length;
  }

  async admit(signal?: AbortSignal): Promise<Admission> {
    if (this.#taken < this.places)
      return { waiting: null, onMoved: () => {}, place: Promise.resolve(this.#give()) };
    const details = { reason: 'count', retryAfterSeconds: 7 };
    const full: Fault = { code: 'host_full', message: 'this host is full: a test', hop: 'host', details };
    if (!this.queues) throw new BrowserVmError(full, { status: 503 });
    const { promise, resolve, reject } = Promise.withResolvers<Place>();
    const waiting: Waiting = { enter: () => resolve(this.#give()), moved: () => {} };
    this.#queue.push(waiting);
    signal?.addEventListener('abort', () => {
      this.#queue.splice(this.#queue.indexOf(waiting), 1);
      this.#tell();
      reject(signal.reason);
    });
    promise.catch(() => {});
    return {
      waiting: standing(this.#queue.length - 1),
      onMoved: (listener) => {
        waiting.moved = listener;
      },
      place: promise,
    };
  }

  #tell(): void {
    for (const [ahead, { moved }] of this.#queue.entries()) moved(standing(ahead));
  }

  #give(): Place {
    this.#taken += 1;
    let released = false;
    return {
      release: () => {
        if (released) return;
        released = true;
        this.#taken -= 1;
        this.#queue.shift()?.enter();
        this.#tell();
      },
    };
  }

  async start(request: VmRequest): Promise<SessionVm> {
    await this.startGate;
    if (this.refuse !== null) {
      request.place?.release();
      throw this.refuse;
    }
    const vm = new ScriptedVm(request);
    this.vms.push(vm);
    for (const waiter of this.#waiters.splice(0)) waiter();
    return vm;
  }

  /** The VM of that session, as soon as it is started. */
  async vmOf(sessionId: string): Promise<ScriptedVm> {
    for (;;) {
      const vm = this.vms.find((candidate) => candidate.request.sessionId === sessionId);
      if (vm !== undefined) return vm;
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  async doctor(): Promise<readonly Check[]> {
    return [{ name: 'scripted', hop: 'host', ok: true, detail: 'a test' }];
  }
  async prepare(): Promise<void> {}
  async usage(): Promise<HostUsage> {
    const running = this.leaked;
    return {
      vms: running,
      standby: 0,
      slots: running,
      streamers: running,
      freeMemoryMb: 1,
      diskMb: { images: 0, templates: 0, logs: 0 },
      capacity: {
        maxVms: this.places,
        queued: this.#queue.length,
        full: null,
        roomForVms: this.places - running,
        vmsMb: 0,
        perVmMb: 1,
        loadPerCore: 0,
        logsLimitMb: 1,
      },
      template: { current: null, making: null, retiring: 0, fault: null },
    };
  }
  async reconcile() {
    this.reconciled += 1;
    return { processes: 0, namespaces: 0, directories: 0 };
  }
  async close(): Promise<void> {}
}

export class ScriptedVm implements SessionVm {
  readonly vmId = randomUUID();
  readonly driver = 'scripted';
  readonly request: VmRequest;
  readonly events: AsyncIterable<VmEvent>;
  readonly calls: string[] = [];
  readonly candidates: IceCandidate[] = [];
  /** On the guest's clipboard. */
  image: Uint8Array | null = null;
  stopped = false;
  signInFault: Fault | null = null;
  vncFault: Fault | null = null;
  stopFailures = 0;
  /** Awaited in `takeCredential`; may reject. */
  credentialGate: Promise<void> = Promise.resolve();
  /** The guest's ends of the VNC connections. */
  readonly vnc: Duplex[] = [];
  /** Tells the last viewer by VNC how control stands. */
  control: (holder: ControlHolder) => void = () => {};
  readonly #queue: VmEvent[] = [];
  #wake = Promise.withResolvers<void>();
  #over = false;
  /** The consumer asked for an event and there was none. */
  #idle = false;

  constructor(request: VmRequest) {
    this.request = request;
    this.events = this.#read();
  }

  push(...events: VmEvent[]): void {
    this.#queue.push(...events);
    this.#wake.resolve();
  }

  /** Everything up to a desktop that a person could use. */
  becomeReady(): void {
    for (const type of [
      'slot_taken',
      'streamer_ready',
      'vm_resumed',
      'agent_ready',
      'identity_set',
    ] as const) {
      this.push({ type });
    }
    this.push({ type: 'desktop_ready' });
  }

  /** Resolves when everything pushed so far was dealt with. */
  async consumed(): Promise<void> {
    while (this.#queue.length > 0 || !this.#idle) await new Promise((resolve) => setImmediate(resolve));
  }

  /** As if the monitor's process were gone without a word. */
  die(): void {
    this.#over = true;
    this.#wake.resolve();
  }

  async offer(viewerId: string, sdp: string, mode: ViewerMode): Promise<string> {
    this.calls.push(`offer ${viewerId} ${mode}`);
    return `answer to ${sdp}`;
  }
  async addCandidate(_viewerId: string, candidate: IceCandidate): Promise<void> {
    this.candidates.push(candidate);
  }
  async disconnectViewer(): Promise<void> {}

  async openVnc(mode: ViewerMode): Promise<VncViewer> {
    if (this.vncFault !== null) throw new BrowserVmError(this.vncFault);
    const [host, guest] = duplexPair();
    // As a TCP connection: what closes one end closes the other.
    host.once('close', () => guest.destroy());
    this.vnc.push(guest);
    return {
      stream: host,
      onControl: (listener) => {
        this.control = (holder) =>
          listener({ holder, mode, viewers: this.vnc.length, clipboard: this.request.clipboard !== false });
        this.control('nobody');
      },
      takeControl: () => this.control('you'),
    };
  }

  async signIn(): Promise<void> {
    this.calls.push('signIn');
    if (this.signInFault !== null) throw new BrowserVmError(this.signInFault);
  }

  async takeCredential(): Promise<Credential> {
    this.calls.push('takeCredential');
    await this.credentialGate;
    if (this.stopped) throw new BrowserVmError(fault('vm_stopped'));
    return CREDENTIAL;
  }

  async clipboardImage(): Promise<Uint8Array | null> {
    return this.image;
  }

  async setClipboardImage(png: Uint8Array): Promise<void> {
    this.image = png;
  }

  async consoleTail(): Promise<readonly string[]> {
    return ['the last line\u0000 of the console'];
  }

  async stop(): Promise<void> {
    this.calls.push('stop');
    if (this.stopFailures > 0) {
      this.stopFailures -= 1;
      throw new BrowserVmError(fault('stop_failed'));
    }
    this.stopped = true;
    this.request.place?.release();
    this.die();
  }

  async *#read(): AsyncGenerator<VmEvent> {
    for (;;) {
      const event = this.#queue.shift();
      if (event !== undefined) yield event;
      else if (this.#over) return;
      else {
        this.#idle = true;
        await this.#wake.promise;
        this.#idle = false;
        this.#wake = Promise.withResolvers();
      }
    }
  }
}
