import { randomBytes } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import {
  type AgentEvent,
  BrowserVmError,
  type ControlState,
  type Credential,
  type Fault,
  GUEST,
  type IceCandidate,
  type SessionVm,
  type StreamerEvent,
  toFault,
  type ViewerMode,
  type VmEvent,
  type VmRequest,
  type VncViewer,
} from '@browser-vm/protocol';
import { AgentClient, checkAgent } from '../agent-client/agent-client.ts';
import type { Vm, VmExit } from '../drivers/driver.ts';
import type { Image } from '../image/index.ts';
import type { Prepared } from '../pool/prepared.ts';
import { selfTest } from '../slot/self-test.ts';
import type { Slot } from '../slot/slot.ts';
import type { StreamerConfiguration, StreamerProcess } from '../streamer-process/streamer-process.ts';
import { rest } from '../system/rest.ts';
import { tail } from '../system/tail.ts';
import type { Template } from '../template/template.ts';
import { ObservedVnc } from '../vnc/observed.ts';
import { AgentLog } from './agent-log.ts';
import { CpuShare } from './cpu-share.ts';
import { EventQueue } from './event-queue.ts';
import { isGuestBusy } from './guest-work.ts';
import type { PictureInMemory } from './picture-in-memory.ts';
import { ReturnedMemory } from './returned-memory.ts';
import { Standby } from './standby.ts';

/** A resumed agent answers within a second; a loaded host under emulation takes longer. Milliseconds. */
const AGENT_TIMEOUT = 60_000;
const VNC_TIMEOUT = 10_000;
/** Whoever woke a VM waits no longer than this for its clock. Milliseconds. */
const CLOCK_TIMEOUT = 5000;
/** A page that was loaded leaves the guest at rest for so long; on full CPUs that takes minutes. Milliseconds. */
const PAGE_REST = { calmMs: 3000, limitMs: 300_000 } as const;
/** Console lines that a failure carries. */
const TAIL_LINES = 50;

export interface SessionVmOptions {
  readonly vmId: string;
  readonly request: VmRequest;
  /** Name of the driver. */
  readonly driver: string;
  readonly image: Image;
  readonly template: Template;
  readonly runDir: string;
  /** Made here; console and logs of this session stay in it. */
  readonly logDirectory: string;
  /** What the pool made ahead, which is this VM's from now on; null: everything is made here. */
  readonly prepared: Prepared | null;
  readonly makeSlot: () => Promise<Slot>;
  readonly makeStreamer: (slot: Slot) => Promise<StreamerProcess>;
  /** Leaves the VM paused. */
  readonly restore: (slot: Slot) => Promise<Vm>;
  readonly streamer: Omit<StreamerConfiguration, 'iceServers'>;
  /** Null: the picture comes by VNC. */
  readonly makePicture: (slot: Slot) => PictureInMemory | null;
  /** Quiet after which a VM whose tool waits for the user stops its CPUs, milliseconds; 0: never. */
  readonly standbyAfterMs: number;
  /** Called once, when the desktop is there or never will be. */
  readonly onSettled: () => void;
  /** Called when the tool's sign-in page is being opened: from now on it waits for the user. */
  readonly onOpened: () => void;
  readonly log: (message: string, details: Record<string, unknown>) => void;
  /** Called once, when nothing of it is left. */
  readonly onGone: () => void;
}

/** A VM, its slot and its streamer, from request to gone. `start` returns at once; `events` tell the rest. */
export class HostSessionVm implements SessionVm {
  readonly vmId: string;
  readonly driver: string;
  readonly #options: SessionVmOptions;
  readonly #events = new EventQueue<VmEvent>();
  /** Aborted by `stop` and by the first failure: ends all that is under way. */
  readonly #ending = new AbortController();
  readonly #streamerReady = Promise.withResolvers<StreamerProcess>();
  readonly #running: Promise<void>;
  readonly #standby: Standby;
  readonly #memory: ReturnedMemory;
  readonly #share = new CpuShare();
  #slot: Slot | null = null;
  #streamer: StreamerProcess | null = null;
  #vm: Vm | null = null;
  #picture: PictureInMemory | null = null;
  #agent: AgentClient | null = null;
  #agentLog: AgentLog | null = null;
  #failed = false;
  #stopping: Promise<void> | null = null;

  private constructor(options: SessionVmOptions) {
    this.vmId = options.vmId;
    this.driver = options.driver;
    this.#options = options;
    // From the first moment, so that `stop` finds all of it.
    this.#slot = options.prepared?.slot ?? null;
    this.#streamer = options.prepared?.streamer ?? null;
    this.#vm = options.prepared?.vm ?? null;
    this.#picture = options.prepared?.picture ?? null;
    this.#streamerReady.promise.catch(() => {});
    const about = { vmId: options.vmId, sessionId: options.request.sessionId };
    const log = (message: string, details: Record<string, unknown>) =>
      options.log(message, { ...about, ...details });
    this.#memory = new ReturnedMemory(log, this.#ending.signal);
    this.#standby = this.#makeStandby();
    this.#running = this.#run().catch((error: unknown) => this.#fail(toFault(error, 'host')));
  }

  static start(options: SessionVmOptions): HostSessionVm {
    return new HostSessionVm(options);
  }

  get events(): AsyncIterable<VmEvent> {
    return this.#events;
  }

  get hasStreamer(): boolean {
    return this.#streamer !== null;
  }

  get isInStandby(): boolean {
    return this.#standby.isAsleep;
  }

  get sessionId(): string {
    return this.#options.request.sessionId;
  }

  /** In each line of the log about it. */
  get #about(): Record<string, string> {
    return { vmId: this.vmId, sessionId: this.sessionId };
  }

  /** Monitor, streamer and the reader of the picture, as far as they run. */
  get processes(): readonly number[] {
    const ids = [this.#vm?.pid, this.#streamer?.pid, this.#picture?.pid];
    return ids.filter((pid) => pid !== undefined && pid !== null);
  }

  async offer(viewerId: string, sdp: string, mode: ViewerMode): Promise<string> {
    // The streamer answers by itself, while the VM wakes.
    this.#touched();
    return await (await this.#streamerReady.promise).offer(viewerId, sdp, mode);
  }

  async addCandidate(viewerId: string, candidate: IceCandidate): Promise<void> {
    (await this.#streamerReady.promise).send({ type: 'candidate', viewerId, candidate });
  }

  async disconnectViewer(viewerId: string): Promise<void> {
    (await this.#streamerReady.promise).send({ type: 'disconnect', viewerId });
  }

  async openVnc(mode: ViewerMode, signal?: AbortSignal): Promise<VncViewer> {
    const slot = this.#slot;
    if (slot === null || this.#vm === null || this.#ending.signal.aborted)
      throw gone('vm_not_ready', 'the VM is not running', 'driver');
    const limit = AbortSignal.any([
      this.#ending.signal,
      AbortSignal.timeout(VNC_TIMEOUT),
      ...(signal === undefined ? [] : [signal]),
    ]);
    const [streamer] = await Promise.all([this.#streamerReady.promise, this.#standby.awake()]);
    const socket = connect({ ...slot.vnc, noDelay: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = () => socket.destroy(new Error('no answer in time'));
    limit.addEventListener('abort', abort, { once: true });
    // A signal that is aborted already tells nobody.
    if (limit.aborted) abort();
    socket.once('connect', resolve);
    socket.once('error', reject);
    try {
      await promise;
      return seated(new ObservedVnc(socket, () => this.#touched()), streamer, mode);
    } catch (error) {
      throw new BrowserVmError(
        {
          code: 'vnc_unreachable',
          message: `the guest's VNC server cannot be reached: ${(error as Error).message}`,
          hop: 'display',
        },
        { cause: error },
      );
    } finally {
      limit.removeEventListener('abort', abort);
      socket.off('error', reject);
    }
  }

  async signIn(): Promise<void> {
    await this.#identified().signIn(this.#options.request.provider, this.#ending.signal);
  }

  async takeCredential(): Promise<Credential> {
    return await this.#identified().credential(this.#ending.signal);
  }

  async clipboardImage(): Promise<Uint8Array | null> {
    return await this.#identified().clipboardImage(this.#ending.signal);
  }

  async setClipboardImage(png: Uint8Array): Promise<void> {
    this.#touched();
    await this.#identified().setClipboardImage(png, this.#ending.signal);
  }

  async consoleTail(lines: number): Promise<readonly string[]> {
    const living = await this.#vm?.consoleTail(lines);
    if (living !== undefined && living.length > 0) return living;
    return await tail(join(this.#options.logDirectory, 'console.log'), lines);
  }

  async stop(): Promise<void> {
    this.#stopping ??= this.#end().catch((error: unknown) => {
      // What could not be removed is tried again at the next call.
      this.#stopping = null;
      throw error;
    });
    await this.#stopping;
  }

  async #run(): Promise<void> {
    const { logDirectory, request } = this.#options;
    await mkdir(logDirectory, { recursive: true, mode: 0o700 });
    this.#agentLog = new AgentLog(join(logDirectory, 'agent.log'));
    const slot = this.#slot ?? (await this.#options.makeSlot());
    this.#slot = slot;
    this.#ending.signal.throwIfAborted();
    this.#events.push({ type: 'slot_taken' });
    // Each fails for itself, and both are over when this is: `stop` must find all that was started.
    await Promise.all([
      this.#startStreamer(slot).catch((error: unknown) => this.#fail(toFault(error, 'streamer'))),
      this.#resume(slot).catch((error: unknown) => this.#fail(toFault(error, 'driver'))),
    ]);
    this.#ending.signal.throwIfAborted();
    this.#options.log('VM is ready', { vmId: this.vmId, sessionId: request.sessionId });
  }

  async #startStreamer(slot: Slot): Promise<void> {
    const { logDirectory, request, streamer: settings } = this.#options;
    const streamer = this.#streamer ?? (await this.#options.makeStreamer(slot));
    this.#streamer = streamer;
    this.#ending.signal.throwIfAborted();
    streamer.serve({
      logFile: join(logDirectory, 'streamer.log'),
      configure: {
        ...settings,
        iceServers: [...request.iceServers],
        clipboard: settings.clipboard !== false && request.clipboard !== false,
      },
      onEvent: (event) => this.#streamerSaid(event),
    });
    void streamer.died.then((fault) => this.#fail(fault));
    this.#picture ??= this.#options.makePicture(slot);
    this.#picture?.serve(streamer, {
      find: (size) => this.#identified().framebuffer(size, this.#ending.signal),
      log: (message, details) => this.#options.log(message, { ...this.#about, ...details }),
    });
    // The source tries again and again until the VM answers, so this may come first.
    streamer.attach(slot.vnc);
    this.#streamerReady.resolve(streamer);
    this.#events.push({ type: 'streamer_ready' });
  }

  /** Clock, entropy and identity before anything else; until then the guest has no secret and no name. */
  async #resume(slot: Slot): Promise<void> {
    const { image, request } = this.#options;
    const { manifest } = this.#options.template;
    const vm = this.#vm ?? (await this.#options.restore(slot));
    this.#vm = vm;
    void vm.exited.then((exit) => this.#guestEnded(exit));
    this.#ending.signal.throwIfAborted();
    this.#share.starts(vm.pid);
    await vm.resume();
    this.#events.push({ type: 'vm_resumed' });
    void this.#showPicture(vm);
    const agent = new AgentClient(slot.agent, (call) => this.#standby.use(call));
    this.#agent = agent;
    const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(AGENT_TIMEOUT)]);
    const health = await agent.reachable(signal).catch(async (error: unknown) => {
      this.#ending.signal.throwIfAborted();
      if (error instanceof BrowserVmError) throw error;
      throw await silent(slot);
    });
    checkAgent(health, {
      agentVersion: image.manifest.agentVersion,
      commandLine: manifest.commandLine,
      address: GUEST.address,
    });
    this.#events.push({ type: 'agent_ready' });
    await agent.identify(
      {
        token: randomBytes(32).toString('hex'),
        sessionId: request.sessionId,
        unixTimeMs: Date.now(),
        entropy: randomBytes(64).toString('base64'),
        machineId: randomBytes(16).toString('hex'),
        hostname: `${GUEST.hostname}-${this.vmId}`,
        timezone: 'Etc/UTC',
        sound: this.#options.streamer.soundPort !== undefined,
      },
      signal,
    );
    this.#events.push({ type: 'identity_set' });
    void this.#follow(agent).catch((error: unknown) => this.#fail(toFault(error, 'agent')));
  }

  async #showPicture(vm: Vm): Promise<void> {
    const streamer = await this.#streamerReady.promise.catch(() => null);
    if (streamer !== null) await this.#picture?.show(vm, streamer);
  }

  /** The template's stages are replayed first; the last of them is what a person waits for. */
  async #follow(agent: AgentClient): Promise<void> {
    for await (const { event, elapsedMs } of agent.events(this.#ending.signal)) {
      this.#agentSaid(event, elapsedMs);
    }
  }

  #agentSaid(event: AgentEvent['event'], elapsedMs: number): void {
    switch (event.type) {
      case 'stage':
        this.#events.push({ type: 'guest_stage', stage: event.stage, elapsedMs });
        if (event.stage === 'browser') {
          this.#events.push({ type: 'desktop_ready' });
          this.#share.started();
          this.#options.onSettled();
        }
        return;
      case 'failed':
        this.#fail(event.fault);
        return;
      case 'log':
        this.#agentLog?.write(event.level, event.message);
        return;
      case 'clipboard':
        this.#events.push(event);
        return;
      default:
        this.#events.push(event);
        // Before it, and once the person is done, the guest has work of its own.
        if (event.type !== 'url_opened') {
          this.#standby.forbid();
          this.#share.touched();
          return;
        }
        this.#standby.allow();
        this.#options.onOpened();
        if (this.#vm === null) return;
        this.#memory.afterRest(this.#vm.pid, this.processes);
        void this.#yieldAfterRest(this.#vm.pid);
    }
  }

  /** Not before its page is painted: somebody may wait for it and touch nothing. */
  async #yieldAfterRest(pid: number): Promise<void> {
    const atRest = rest(pid, { ...PAGE_REST, signal: this.#ending.signal });
    // It ends, or has ended.
    await atRest.then(
      () => this.#share.rests(),
      () => {},
    );
  }

  /** A person did something that the guest answers. */
  #touched(): void {
    this.#share.touched();
    this.#standby.touch();
  }

  #makeStandby(): Standby {
    const { log, standbyAfterMs: afterMs } = this.#options;
    const about = { vmId: this.vmId, sessionId: this.sessionId };
    let clockCorrectionMs: number | undefined;
    return new Standby({
      afterMs,
      isBusy: async () => this.#vm === null || (await isGuestBusy(this.#vm.pid, this.#ending.signal)),
      hold: async () => this.#streamer?.hold(),
      pause: async () => this.#vm?.pause(),
      resume: async () => {
        this.#memory.waking();
        await this.#vm?.resume();
      },
      setClock: async () => {
        const signal = AbortSignal.any([this.#ending.signal, AbortSignal.timeout(CLOCK_TIMEOUT)]);
        clockCorrectionMs = undefined;
        clockCorrectionMs = await this.#agent?.setClock(signal);
      },
      release: () => this.#streamer?.send({ type: 'release' }),
      onStandby: () => {
        this.#events.push({ type: 'standby' });
        log('VM is in standby', about);
        this.#memory.inStandby(this.processes);
      },
      onAwake: (wakeMs) => {
        this.#events.push({ type: 'awake', wakeMs });
        log('VM is awake again', { ...about, wakeMs, clockCorrectionMs });
      },
      warn: (message, error) => log(message, { ...about, err: error }),
      onLost: (error) => this.#fail(toFault(error, 'driver')),
    });
  }

  #streamerSaid(event: StreamerEvent): void {
    if (event.type === 'activity') {
      this.#touched();
    } else if (event.type === 'viewer') {
      if (event.state === 'connected') this.#touched();
      this.#events.push({ type: 'viewer', viewerId: event.viewerId, state: event.state });
    } else if (event.type === 'candidate') {
      this.#events.push({ type: 'candidate', viewerId: event.viewerId, candidate: event.candidate });
    } else if (event.type === 'picture_moved') {
      void this.#picture?.moved(event);
    } else if (event.type === 'picture_source') {
      this.#options.log('picture source', { ...this.#about, source: event.source });
    } else if (event.type === 'detached') {
      this.#options.log('streamer lost the desktop', { vmId: this.vmId, fault: event.fault });
    }
  }

  #guestEnded(exit: VmExit): void {
    if (exit.reason === 'stopped') return;
    const said = exit.consoleTail.at(-1) ?? exit.monitorTail.at(-1);
    this.#fail({
      code: 'vm_died',
      message: `the VM ended by itself (${exit.reason})${said === undefined ? '' : `: ${said}`}`,
      hop: 'driver',
      details: { code: exit.code, signal: exit.signal, monitorTail: exit.monitorTail.slice(-10) },
    });
  }

  /** Once: the first failure is the reason, what it causes is not. */
  #fail(fault: Fault): void {
    if (this.#failed || this.#stopping !== null) return;
    this.#failed = true;
    this.#standby.close();
    this.#share.close();
    this.#options.onSettled();
    this.#streamerReady.reject(new BrowserVmError(fault));
    void this.consoleTail(TAIL_LINES)
      .catch((): readonly string[] => [])
      .then((consoleTail) => {
        this.#events.push({ type: 'failed', fault, consoleTail });
        this.#events.end();
      });
    this.#ending.abort(new BrowserVmError(fault));
  }

  #identified(): AgentClient {
    if (this.#agent === null) throw gone('vm_not_ready', 'the agent is not ready yet', 'agent');
    return this.#agent;
  }

  /** First what could still speak for the VM, then the VM, then what it stood in. */
  async #end(): Promise<void> {
    const stopped = gone('vm_stopped', `VM ${this.vmId} was stopped`, 'host');
    this.#standby.close();
    this.#share.close();
    this.#ending.abort(stopped);
    this.#streamerReady.reject(stopped);
    this.#options.onSettled();
    await this.#running;
    this.#events.end();
    this.#agent?.close();
    await this.#agentLog?.close();
    const results = await Promise.allSettled([
      this.#streamer?.stop(),
      this.#picture?.stop(),
      this.#vm?.stop({ archiveTo: this.#options.logDirectory }),
    ]);
    // A namespace lives as long as a process in it does.
    results.push(...(await Promise.allSettled([this.#slot?.remove()])));
    const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    const leftovers = await this.#leftovers();
    if (errors.length === 0 && leftovers.length === 0) return this.#options.onGone();
    const reasons = [...leftovers, ...errors.map((error) => String((error as Error).message))];
    throw new BrowserVmError(
      { code: 'vm_leftovers', message: `VM ${this.vmId} left: ${reasons.join('; ')}`, hop: 'host' },
      { cause: new AggregateError(errors) },
    );
  }

  async #leftovers(): Promise<string[]> {
    const places = {
      'the monitor': this.#vm === null ? null : `/proc/${this.#vm.pid}`,
      'the reader of its picture': this.#picture?.pid ? `/proc/${this.#picture.pid}` : null,
      'the streamer': this.#streamer === null ? null : `/proc/${this.#streamer.pid}`,
      'its namespace': this.#slot === null ? null : this.#slot.network.namespace,
      'its directory': this.#vm === null ? null : join(this.#options.runDir, 'vms', this.vmId),
    };
    const left: string[] = [];
    for (const [what, path] of Object.entries(places)) {
      if (
        path !== null &&
        (await stat(path).then(
          () => true,
          () => false,
        ))
      )
        left.push(`${what} (${path})`);
    }
    return left;
  }
}

/** Which hop on the way to the agent is the first that fails. */
async function silent(slot: Slot): Promise<BrowserVmError> {
  const checks = await selfTest(slot);
  const failed = checks.find(({ ok }) => !ok);
  const why = failed === undefined ? 'each hop to it works' : `${failed.name}: ${failed.detail}`;
  return new BrowserVmError({
    code: 'agent_silent',
    message: `the agent did not answer within ${AGENT_TIMEOUT / 1000} s; ${why}`,
    hop: failed?.hop ?? 'agent',
    details: { checks },
  });
}

/** It has its turn in control for as long as its connection lasts. */
function seated(stream: Duplex, streamer: StreamerProcess, mode: ViewerMode): VncViewer {
  let last: ControlState | null = null;
  let tell = (control: ControlState): void => {
    last = control;
  };
  const seat = streamer.join(mode, (control) => tell(control));
  stream.once('close', () => seat.leave());
  return {
    stream,
    onControl(listener) {
      tell = listener;
      if (last !== null) listener(last);
    },
    takeControl: () => seat.take(),
  };
}

function gone(code: string, message: string, hop: Fault['hop']): BrowserVmError {
  return new BrowserVmError({ code, message, hop }, { status: 409 });
}
