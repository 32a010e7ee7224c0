import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type {
  Admission,
  BrowserVmError,
  Check,
  ControlState,
  Credential,
  Fault,
  Host,
  HostUsage,
  IceCandidate,
  Place,
  SessionVm,
  SessionWait,
  ViewerMode,
  VmEvent,
  VmRequest,
  VncViewer,
} from '@browser-vm/protocol';
import { clipboardImage, setClipboardImage } from '../../../agent/src/desktop/clipboard-image.ts';
import { watchClipboard } from '../../../agent/src/desktop/clipboard-watch.ts';
import { lookUpUser } from '../../../agent/src/index.ts';
import type { StreamerConfiguration } from '../../../streamer/src/configuration.ts';
import { StreamerProcess } from '../../../streamer/test/process.ts';

/**
 * A host that shows one desktop that runs already, through a real streamer per session. What happens in the
 * guest is told by the test: pages and viewer are what is shown here, VMs are shown elsewhere.
 */
export class DesktopHost implements Host {
  readonly vms: DesktopVm[] = [];
  readonly #vncPort: number;
  checks: Check[] = [{ name: 'memory', hop: 'host', ok: true, detail: 'enough' }];
  refuse: BrowserVmError | null = null;
  /** Of the sessions that start from now on. */
  streamer: Partial<StreamerConfiguration> = {};

  readonly #display: number | null;

  /** `display`: the desktop's X display, where images are copied; null: they are not. */
  constructor(vncPort: number, display: number | null = null) {
    this.#vncPort = vncPort;
    this.#display = display;
  }

  /** Whoever starts from now on waits like that, until `letIn`. */
  wait: SessionWait | null = null;
  #moved: (wait: SessionWait) => void = () => {};
  #begin = () => {};

  async admit(): Promise<Admission> {
    if (this.wait !== null) {
      const { promise, resolve } = Promise.withResolvers<Place>();
      this.#begin = () => resolve({ release() {} });
      return {
        waiting: this.wait,
        onMoved: (listener) => {
          this.#moved = listener;
        },
        place: promise,
      };
    }
    return { waiting: null, onMoved: () => {}, place: Promise.resolve({ release() {} }) };
  }

  /** Tells who waits its new place. */
  move(wait: SessionWait): void {
    this.#moved(wait);
  }

  letIn(): void {
    this.wait = null;
    this.#begin();
  }

  async start(request: VmRequest): Promise<SessionVm> {
    if (this.refuse !== null) throw this.refuse;
    const iceServers = [...request.iceServers];
    const streamer = await StreamerProcess.start(
      {},
      { iceServers, clipboard: request.clipboard !== false, ...this.streamer },
    );
    const vm = new DesktopVm(request, this.#vncPort, this.#display, streamer);
    this.vms.push(vm);
    return vm;
  }

  async doctor(): Promise<readonly Check[]> {
    return this.checks;
  }
  async prepare(): Promise<void> {}
  async usage(): Promise<HostUsage> {
    const running = this.vms.filter((vm) => !vm.stopped).length;
    const diskMb = { images: 0, templates: 0, logs: 0 };
    return {
      vms: running,
      standby: 0,
      slots: 0,
      streamers: running,
      freeMemoryMb: 1000,
      diskMb,
      capacity: {
        maxVms: 20,
        queued: 0,
        full: null,
        roomForVms: 20 - running,
        vmsMb: 170 * running,
        perVmMb: 210,
        loadPerCore: 0.5,
        logsLimitMb: 500,
      },
      template: { current: null, making: null, retiring: 0, fault: null },
    };
  }
  async reconcile() {
    return { processes: 0, namespaces: 0, directories: 0 };
  }
  async close(): Promise<void> {}
}

export class DesktopVm implements SessionVm {
  readonly vmId = randomUUID();
  readonly driver = 'desktop';
  readonly request: VmRequest;
  readonly events: AsyncIterable<VmEvent>;
  readonly streamer: StreamerProcess;
  readonly credential: Credential = {
    content: JSON.stringify({ tokens: { id_token: 'a', access_token: 'b', refresh_token: 'c' } }),
    path: '.codex/auth.json',
    account: 'person@example.org',
    expiresAt: null,
  };
  stopped = false;
  imagesPasted = 0;
  readonly #vncPort: number;
  readonly #display: number | null;
  readonly #vncViewers = new Map<string, (control: ControlState) => void>();
  readonly #stopping = new AbortController();
  readonly #queue: VmEvent[] = [];
  #wake = Promise.withResolvers<void>();

  constructor(request: VmRequest, vncPort: number, display: number | null, streamer: StreamerProcess) {
    this.#display = display;
    this.request = request;
    this.#vncPort = vncPort;
    this.streamer = streamer;
    this.events = this.#read();
    streamer.listen((event) => {
      if (event.type === 'candidate' || event.type === 'viewer') this.push(event);
      if (event.type === 'control') this.#vncViewers.get(event.viewerId)?.(event);
    });
    this.push({ type: 'slot_taken' }, { type: 'streamer_ready' });
    const tell = (hasImage: boolean) => this.push({ type: 'clipboard', hasImage });
    if (display !== null) void watchClipboard(display, tell, this.#stopping.signal);
  }

  push(...events: VmEvent[]): void {
    this.#queue.push(...events);
    this.#wake.resolve();
  }

  /** As if the VM had been resumed and its desktop were there. */
  becomeReady(): void {
    this.streamer.send({ type: 'attach', host: '127.0.0.1', port: this.#vncPort, firstPicture: null });
    const stages = ['vm_resumed', 'agent_ready', 'identity_set', 'desktop_ready'] as const;
    this.push(...stages.map((type) => ({ type })));
  }

  /** As if the person had signed in. */
  succeed(): void {
    this.push({ type: 'credential_seen' }, { type: 'credential_ready' });
  }

  fail(fault: Fault, consoleTail: readonly string[]): void {
    this.push({ type: 'failed', fault, consoleTail });
  }

  async offer(viewerId: string, sdp: string, mode: ViewerMode): Promise<string> {
    const before = this.streamer.events.length;
    this.streamer.send({ type: 'offer', viewerId, sdp, mode });
    return (await this.streamer.event('answer', before)).sdp;
  }

  async addCandidate(viewerId: string, candidate: IceCandidate): Promise<void> {
    this.streamer.send({ type: 'candidate', viewerId, candidate });
  }

  async disconnectViewer(viewerId: string): Promise<void> {
    this.streamer.send({ type: 'disconnect', viewerId });
  }

  async openVnc(mode: ViewerMode): Promise<VncViewer> {
    const stream = connect(this.#vncPort, '127.0.0.1');
    await once(stream, 'connect');
    const viewerId = randomUUID();
    stream.once('close', () => this.streamer.send({ type: 'leave', viewerId }));
    return {
      stream,
      onControl: (listener) => {
        this.#vncViewers.set(viewerId, listener);
        this.streamer.send({ type: 'join', viewerId, mode });
      },
      takeControl: () => this.streamer.send({ type: 'take_control', viewerId }),
    };
  }

  async signIn(): Promise<void> {
    this.push({ type: 'login_started' }, { type: 'url_opened', origin: 'https://id.example.org' });
  }

  async takeCredential(): Promise<Credential> {
    return this.credential;
  }

  async clipboardImage(): Promise<Uint8Array | null> {
    return clipboardImage(this.#owner);
  }

  async setClipboardImage(png: Uint8Array): Promise<void> {
    await setClipboardImage(this.#owner, png);
    this.imagesPasted += 1;
  }

  /** Whose clipboard the agent of a guest would use. */
  get #owner() {
    if (this.#display === null) throw new Error('the desktop was given no display');
    return { user: lookUpUser('nobody'), toolPath: ['/usr/bin', '/bin'], display: this.#display };
  }

  async consoleTail(): Promise<readonly string[]> {
    return [];
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.#stopping.abort();
    this.#wake.resolve();
    await this.streamer.stop();
  }

  async *#read(): AsyncGenerator<VmEvent> {
    while (!this.stopped) {
      for (const event of this.#queue.splice(0)) yield event;
      this.#wake = Promise.withResolvers();
      if (this.#queue.length === 0 && !this.stopped) await this.#wake.promise;
    }
  }
}
