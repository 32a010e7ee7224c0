import {
  type Admission,
  BrowserVmError,
  type Configuration,
  type HostCapacity,
  type Place,
  type SessionWait,
} from '@browser-vm/protocol';
import { capacityOf } from '../slot/link.ts';
import { IdleCores } from '../system/idle-cores.ts';
import { decide, type Measured, type Refusal, room, roomInMemory } from './decide.ts';
import { type KernelFigures, readKernelFigures, uniqueMemoryMb } from './kernel-figures.ts';
import { type Distance, Turns } from './turns.ts';
import { VmCost } from './vm-cost.ts';

/** Between two samples of the VMs' memory; one costs some 0.1 ms a VM. Milliseconds. */
const SAMPLE_INTERVAL = 3000;
/** Memory and load change without telling; who waits is considered again this often. Milliseconds. */
const RECONSIDER_INTERVAL = 500;
/** Figures this old are good enough: places given meanwhile are counted by themselves. Milliseconds. */
const FIGURES_AGE = 250;
/** Share of all memory that is held back at least. */
const RESERVE_SHARE = 0.05;
/** Seconds that a refused client is told to wait when no VM has ended yet, and bounds for when some have. */
const FIRST_RETRY = 30;
const RETRY_BOUNDS = { least: 1, most: 300 };
/** Lifetimes remembered for that. */
const LIFETIMES = 50;

/** A VM as admission sees it. */
export interface LiveVm {
  readonly vmId: string;
  /** Ids of its processes on the host, as far as they run. */
  readonly processes: readonly number[];
  /** Do its CPUs stand still? */
  readonly isInStandby: boolean;
}

interface Tracked {
  readonly vm: LiveVm;
  readonly place: Place;
  readonly cost: VmCost;
  readonly startedAt: number;
  uniqueMb: number;
}

interface Waiting {
  readonly resolve: (place: Place) => void;
  refusal: Refusal;
  moved: (wait: SessionWait) => void;
}

export interface AdmissionOptions {
  readonly configuration: Configuration;
  readonly mark: string;
}

/** Gives places to VMs as long as what was measured lets them fit, and turns to start, in the order they were asked for. */
export class AdmissionControl {
  readonly #configuration: Configuration;
  readonly #mark: string;
  readonly #slots: number;
  readonly #turns: Turns;
  /** Places that no VM has filled yet. */
  readonly #places = new Set<Place>();
  readonly #vms = new Map<string, Tracked>();
  readonly #queue: Waiting[] = [];
  readonly #lifetimes: number[] = [];
  readonly #closing = new AbortController();
  #cost: { readonly key: string; readonly cost: VmCost };
  #figures: { readonly at: number; readonly read: Promise<KernelFigures> } | null = null;
  #sampler: NodeJS.Timeout | null = null;
  #reconsidering: NodeJS.Timeout | null = null;
  #serving: Promise<void> | null = null;

  constructor({ configuration, mark }: AdmissionOptions) {
    this.#configuration = configuration;
    this.#mark = mark;
    this.#slots = capacityOf(configuration.BROWSER_VM_SLOT_SUBNET);
    const idle = new IdleCores();
    this.#turns = new Turns(() => idle.look());
    const worstMb = configuration.BROWSER_VM_MEMORY_MB;
    this.#cost = { key: '', cost: new VmCost({ initialMb: worstMb, worstMb }) };
  }

  /** VMs of another template are expected to take something else. MiB. */
  expect(key: string, limits: { readonly initialMb: number; readonly worstMb: number }): void {
    if (this.#cost.key !== key) this.#cost = { key, cost: new VmCost(limits) };
  }

  /** A place at once, or `host_full`: never waits, and never before those who do. */
  async take(): Promise<Place> {
    const measured = await this.#measure();
    const refusal = this.#queue[0]?.refusal ?? decide(this.#withVms(measured));
    if (refusal !== null) throw this.#full(refusal);
    return this.#give();
  }

  /**
   * A place at once, or a turn in the queue, or `host_full`. Who has a place waits for the CPUs as well, however
   * the queue is configured: it is only a matter of seconds, and refusing would bring everybody back at once.
   */
  async admit(signal?: AbortSignal): Promise<Admission> {
    signal?.throwIfAborted();
    this.#closing.signal.throwIfAborted();
    const measured = await this.#measure();
    const refusal = this.#queue.at(-1)?.refusal ?? decide(this.#withVms(measured));
    if (refusal === null) return await this.#inTurn(this.#give(), signal);
    const { BROWSER_VM_MAX_VMS: longest, BROWSER_VM_QUEUE_SECONDS: seconds } = this.#configuration;
    // As many may wait as may run.
    if (seconds === 0 || this.#queue.length >= longest) throw this.#full(refusal, this.#queue.length);
    let moved = (_wait: SessionWait) => {};
    const waiting: Omit<Waiting, 'resolve'> = { refusal, moved: (wait) => moved(wait) };
    const wait = this.#standing(refusal, this.#queue.length);
    const place = this.#wait(waiting, seconds, signal).then(async (given) => {
      const turn = await this.#inTurn(given, signal);
      if (turn.waiting !== null) moved(turn.waiting);
      turn.onMoved(moved);
      return await turn.place;
    });
    place.catch(() => {});
    return {
      waiting: wait,
      onMoved: (listener) => {
        moved = listener;
      },
      place,
    };
  }

  /** The start of this VM is over: what follows waits for its user. Any number of times. */
  started(vmId: string): void {
    const tracked = this.#vms.get(vmId);
    if (tracked !== undefined) this.#turns.end(tracked.place);
  }

  /** A place for what is no session, whether it fits or not: nobody else is given what it takes. */
  reserve(): Place {
    return this.#give();
  }

  /** The VM now stands for its place. */
  fill(place: Place, vm: LiveVm): void {
    this.#places.delete(place);
    const tracked = { vm, place, cost: this.#cost.cost, startedAt: performance.now(), uniqueMb: 0 };
    this.#vms.set(vm.vmId, tracked);
    // What was made ahead takes memory already, which must not be promised to it once more.
    void this.#sampleOne(tracked);
    this.#sampler ??= setInterval(() => void this.#sample(), SAMPLE_INTERVAL).unref();
  }

  /** Nothing of the VM is left. */
  gone(vmId: string): void {
    const tracked = this.#vms.get(vmId);
    if (tracked === undefined) return;
    this.#vms.delete(vmId);
    this.#turns.end(tracked.place);
    this.#lifetimes.push(performance.now() - tracked.startedAt);
    if (this.#lifetimes.length > LIFETIMES) this.#lifetimes.shift();
    if (this.#vms.size === 0 && this.#sampler !== null) {
      clearInterval(this.#sampler);
      this.#sampler = null;
    }
    this.#figures = null;
    this.#serve();
  }

  /** Is there memory for what is made ahead of a session? */
  async hasSpareMemory(): Promise<boolean> {
    return roomInMemory(this.#withVms(await this.#measure())) >= 1;
  }

  async capacity(): Promise<HostCapacity> {
    const measured = this.#withVms(await this.#measure());
    const refusal = decide(measured);
    const { BROWSER_VM_MAX_VMS, BROWSER_VM_LOGS_MB } = this.#configuration;
    return {
      maxVms: BROWSER_VM_MAX_VMS,
      queued: this.#queue.length + this.#turns.waiting,
      full: refusal === null ? null : { reason: refusal.reason, message: refusal.message },
      roomForVms: room(measured),
      vmsMb: Math.round(measured.vmsMb.reduce((sum, mb) => sum + mb, 0)),
      perVmMb: Math.round(measured.expectedMb),
      loadPerCore: Math.round((measured.load / measured.cores) * 100) / 100,
      logsLimitMb: BROWSER_VM_LOGS_MB,
    };
  }

  /** Who waits is refused. */
  close(): void {
    this.#closing.abort(
      new BrowserVmError(
        { code: 'host_closed', message: 'this host is shutting down', hop: 'host' },
        { status: 503 },
      ),
    );
    if (this.#sampler !== null) clearInterval(this.#sampler);
    this.#sampler = null;
  }

  /** Rejects, and gives the place back, when aborted. */
  async #inTurn(place: Place, signal?: AbortSignal): Promise<Admission> {
    const giveUp = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    try {
      const turn = await this.#turns.begin(place, giveUp);
      if (turn === null) return { waiting: null, onMoved: () => {}, place: Promise.resolve(place) };
      const begun = turn.begun.then(
        () => place,
        (error: unknown) => {
          place.release();
          throw error;
        },
      );
      begun.catch(() => {});
      return {
        waiting: notYet(turn),
        onMoved: (listener) => turn.onMoved((distance) => listener(notYet(distance))),
        place: begun,
      };
    } catch (error) {
      place.release();
      throw error;
    }
  }

  async #wait(what: Omit<Waiting, 'resolve'>, seconds: number, signal?: AbortSignal): Promise<Place> {
    const { promise, resolve, reject } = Promise.withResolvers<Place>();
    const waiting: Waiting = { ...what, resolve };
    this.#queue.push(waiting);
    this.#reconsidering ??= setInterval(() => this.#serve(), RECONSIDER_INTERVAL).unref();
    // Who gives up is out of the queue at once, so that no place is given to nobody.
    const leave = (error: unknown) => {
      const index = this.#queue.indexOf(waiting);
      if (index >= 0) this.#queue.splice(index, 1);
      this.#tellFrom(index);
      reject(error);
    };
    const overdue = setTimeout(() => leave(this.#full(waiting.refusal)), seconds * 1000);
    const given = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    const abort = () => leave(given.reason);
    given.addEventListener('abort', abort, { once: true });
    try {
      return await promise;
    } finally {
      clearTimeout(overdue);
      given.removeEventListener('abort', abort);
      if (this.#queue.length === 0 && this.#reconsidering !== null) {
        clearInterval(this.#reconsidering);
        this.#reconsidering = null;
      }
    }
  }

  /** Lets in who waits longest, as long as there is room. */
  #serve(): void {
    if (this.#queue.length === 0) return;
    this.#serving ??= this.#serveAll()
      .catch(() => {})
      .finally(() => {
        this.#serving = null;
      });
  }

  async #serveAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const measured = await this.#measure();
      const next = this.#queue[0];
      if (next === undefined) return;
      const refusal = decide(this.#withVms(measured));
      if (refusal !== null) {
        next.refusal = refusal;
        return;
      }
      this.#queue.shift();
      next.resolve(this.#give());
      this.#tellFrom(0);
    }
  }

  /** Those who wait from there on have one less before them. */
  #tellFrom(first: number): void {
    if (first < 0) return;
    for (const [ahead, { refusal, moved }] of this.#queue.entries())
      if (ahead >= first) moved(this.#standing(refusal, ahead));
  }

  #give(): Place {
    const place: Place = {
      release: () => {
        if (!this.#places.delete(place)) return;
        this.#turns.end(place);
        this.#serve();
      },
    };
    this.#places.add(place);
    return place;
  }

  async #measure(): Promise<KernelFigures> {
    const now = performance.now();
    if (this.#figures === null || now - this.#figures.at > FIGURES_AGE) {
      this.#figures = { at: now, read: readKernelFigures(this.#mark) };
    }
    return await this.#figures.read;
  }

  /** Synchronous, so that what it finds is still true when a place is given. */
  #withVms(figures: KernelFigures): Measured {
    const { BROWSER_VM_MAX_LOAD, BROWSER_VM_MAX_VMS, BROWSER_VM_MEMORY_MB } = this.#configuration;
    const vms = [...this.#vms.values()];
    return {
      ...figures,
      reserveMb: Math.max(BROWSER_VM_MEMORY_MB, figures.totalMb * RESERVE_SHARE),
      expectedMb: this.#cost.cost.expectedMb,
      vmsMb: [...vms.map(({ uniqueMb }) => uniqueMb), ...[...this.#places].map(() => 0)],
      standbyMb: vms.filter(({ vm }) => vm.isInStandby).map(({ uniqueMb }) => uniqueMb),
      maxVms: BROWSER_VM_MAX_VMS,
      maxLoadPerCore: BROWSER_VM_MAX_LOAD,
      slots: { capacity: this.#slots, foreign: figures.foreignSlots },
    };
  }

  async #sample(): Promise<void> {
    for (const tracked of this.#vms.values()) await this.#sampleOne(tracked);
  }

  async #sampleOne(tracked: Tracked): Promise<void> {
    const { processes } = tracked.vm;
    if (processes.length === 0) return;
    tracked.uniqueMb = await uniqueMemoryMb(processes);
    tracked.cost.note(tracked.vm.vmId, tracked.uniqueMb, performance.now() - tracked.startedAt);
  }

  /** For whoever waits for a place. */
  #standing({ message, reason }: Refusal, ahead: number): SessionWait {
    const endEveryMs = this.#lifetimes.length === 0 ? null : this.#endEveryMs();
    return {
      reason,
      message: `this host is full: ${message}`,
      ahead,
      expectedSeconds: endEveryMs === null ? null : Math.max(1, Math.ceil((endEveryMs * (ahead + 1)) / 1000)),
    };
  }

  /** `ahead`: sessions that wait before the one that is told. */
  #full({ message, reason, remedy }: Refusal, ahead = 0): BrowserVmError {
    const others =
      ahead === 0 ? '' : `; ${ahead} ${ahead === 1 ? 'session waits' : 'sessions wait'} before this one`;
    return new BrowserVmError(
      {
        code: 'host_full',
        message: `this host is full: ${message}${others}`,
        hop: 'host',
        remedy,
        details: { reason, retryAfterSeconds: this.#retryAfter(), ahead },
      },
      { status: 503 },
    );
  }

  /** When the next VM is likely to end, by how long the others lived. Seconds. */
  #retryAfter(): number {
    if (this.#lifetimes.length === 0) return FIRST_RETRY;
    const seconds = Math.ceil(this.#endEveryMs() / 1000);
    return Math.min(RETRY_BOUNDS.most, Math.max(RETRY_BOUNDS.least, seconds));
  }

  /** Between the ends of two VMs, by how long the last ones lived, of which there must be one. Milliseconds. */
  #endEveryMs(): number {
    const mean = this.#lifetimes.reduce((sum, lifetime) => sum + lifetime, 0) / this.#lifetimes.length;
    return mean / Math.max(1, this.#vms.size);
  }
}

/** What the person is told whose session starts later. */
function notYet({ ahead, expectedMs }: Distance): SessionWait {
  return {
    reason: 'cpu',
    message: 'the CPUs of this host start no more sessions at once',
    ahead,
    expectedSeconds: expectedMs === null ? null : Math.max(1, Math.ceil(expectedMs / 1000)),
  };
}
