import { randomBytes } from 'node:crypto';
import type { Vm } from '../drivers/driver.ts';
import type { PictureInMemory } from '../session-vm/picture-in-memory.ts';
import type { Slot } from '../slot/slot.ts';
import type { StreamerProcess } from '../streamer-process/streamer-process.ts';
import type { RunnableTemplate } from '../template/template.ts';
import { Prepared } from './prepared.ts';

/** How many of each wait. A streamer and a VM stand in a slot, so there are as many slots as the most of them. */
export interface PoolCounts {
  readonly slots: number;
  readonly streamers: number;
  /** VMs restored, rehearsed and paused. */
  readonly warm: number;
}

export interface PoolOptions {
  readonly wanted: PoolCounts;
  readonly makeSlot: () => Promise<Slot>;
  readonly makeStreamer: (slot: Slot, vmId: string, template: RunnableTemplate) => Promise<StreamerProcess>;
  /** Leaves the VM paused. */
  readonly restore: (slot: Slot, vmId: string, template: RunnableTemplate) => Promise<Vm>;
  /** Null: the picture is not to be read from memory. */
  readonly makePicture: (slot: Slot, template: RunnableTemplate) => PictureInMemory | null;
  /** Is there memory for more? What only makes a start faster must not be why one is refused. */
  readonly hasRoom: () => Promise<boolean>;
  /** Of a VM that `restore` made. Rejects when aborted; leaves the VM paused in any case. */
  readonly rehearse: (slot: Slot, vm: Vm, signal: AbortSignal) => Promise<void>;
  readonly warn: (message: string, error: unknown) => void;
  readonly log: (message: string, details: Record<string, unknown>) => void;
}

/** After the last start settled: what it still does must not compete with the refill. Milliseconds. */
const QUIET = 300;
/** A start that never settles keeps the pool from refilling for so long. Milliseconds. */
const LONGEST_HOLD = 10_000;
/** So many in a row, and the VMs of this template wait without one: a rehearsal saves time and is not needed. */
const MAX_FAILED_REHEARSALS = 3;
/** What failed once, for want of memory perhaps, is not tried again at once. Milliseconds. */
const RETRY = 10_000;

/** What was made so that a start need not wait for it. Refills itself, one thing at a time, while nothing starts. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #waiting = new Set<Prepared>();
  /** Asked whether they are there, for somebody who will have them if so. */
  readonly #taking = new Map<Prepared, Promise<boolean>>();
  /** Being given something at this moment: not to be taken. */
  #busy: Prepared | null = null;
  /** Of the VM that rehearses at this moment: it can be taken, which ends that. */
  #rehearsal: {
    readonly of: Prepared;
    readonly ending: AbortController;
    /** What it failed with; null when it did not, or was ended. Never rejects. */
    readonly over: Promise<unknown>;
  } | null = null;
  /** Of the slot that is being made. */
  #making: string | null = null;
  readonly #removing = new Set<Promise<void>>();
  readonly #holds = new Set<object>();
  #failedRehearsals = 0;
  #template: RunnableTemplate | null = null;
  #filling: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get counts(): PoolCounts {
    const all = [...this.#waiting];
    return {
      slots: all.length,
      streamers: all.filter(({ streamer }) => streamer !== null).length,
      warm: all.filter(({ rehearsed }) => rehearsed).length,
    };
  }

  /** Of the VMs that will stand in what waits here. */
  get vmIds(): string[] {
    const ids = [...this.#waiting, ...this.#taking.keys()].map(({ vmId }) => vmId);
    return this.#making === null ? ids : [...ids, this.#making];
  }

  /** Ids of the processes that wait here. */
  get processes(): number[] {
    const all = [...this.#waiting].flatMap(({ streamer, vm, picture }) => [
      streamer?.pid,
      vm?.pid,
      picture?.pid,
    ]);
    return all.filter((pid) => pid !== undefined && pid !== null);
  }

  /** From now on VMs are of this template; what was made for another goes. */
  use(template: RunnableTemplate): void {
    this.#template = template;
    this.#failedRehearsals = 0;
    for (const prepared of this.#waiting) {
      if (prepared !== this.#busy && !prepared.fits(template)) this.#discard(prepared);
    }
    this.#schedule();
  }

  /** The best equipped that waits and answers, which is the caller's from now on; null when none does. */
  async take(template: RunnableTemplate): Promise<Prepared | null> {
    while (!this.#closed) {
      const [best] = [...this.#waiting]
        .filter((prepared) => prepared !== this.#busy && prepared.fits(template))
        .sort((one, other) => other.equipment - one.equipment);
      if (best === undefined) return null;
      // Before anything is waited for: nobody else may take it meanwhile.
      this.#waiting.delete(best);
      const answers = this.#stopRehearsing(best).then(() => best.answers());
      this.#taking.set(best, answers);
      const usable = await answers;
      this.#taking.delete(best);
      if (usable && !this.#closed) return best;
      this.#remove(best);
    }
    return null;
  }

  /** Nothing is made until the returned function is called, or for 10 s. */
  hold(): () => void {
    const held = {};
    this.#holds.add(held);
    if (this.#timer !== null) clearTimeout(this.#timer);
    void this.#stopRehearsing();
    const release = () => {
      clearTimeout(longest);
      if (this.#holds.delete(held)) this.#schedule();
    };
    const longest = setTimeout(release, LONGEST_HOLD);
    longest.unref();
    return release;
  }

  /** Resolves when as much waits as is wanted, or when something keeps it from it; never rejects. */
  async fill(): Promise<void> {
    this.#filling ??= this.#fill().finally(() => {
      this.#filling = null;
    });
    await this.#filling;
  }

  /** Resolves when nothing of it is left. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#stopRehearsing();
    await Promise.all([this.#filling, ...this.#taking.values()]);
    for (const prepared of this.#waiting) this.#discard(prepared);
    await Promise.all(this.#removing);
  }

  #schedule(afterMs = QUIET): void {
    if (this.#closed || this.#template === null || this.#holds.size > 0) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.fill(), afterMs);
    this.#timer.unref();
  }

  async #fill(): Promise<void> {
    while (!this.#closed && this.#holds.size === 0) {
      if (this.#next() === null) {
        if (this.#rehearsal === null) return;
        const error = await this.#rehearsal.over;
        if (error !== null) return this.#schedule(RETRY);
        continue;
      }
      if (!(await this.#options.hasRoom())) {
        this.#schedule(RETRY);
        return;
      }
      // Meanwhile a start may have come, and taken what was to be equipped.
      if (this.#closed || this.#holds.size > 0) return;
      const step = this.#next();
      if (step === null) continue;
      try {
        await step();
      } catch (error) {
        this.#options.warn('the pool could not be refilled', error);
        return this.#schedule(RETRY);
      }
    }
  }

  /** First what makes the next start a fast one, then the rest. */
  #next(): (() => Promise<void>) | null {
    const template = this.#template;
    if (template === null) return null;
    const { slots, streamers, warm } = this.#options.wanted;
    const one = { slots: Math.min(1, slots), streamers: Math.min(1, streamers), warm: Math.min(1, warm) };
    return this.#towards(one, template) ?? this.#towards(this.#options.wanted, template);
  }

  /** What is missing most: slots first, since everything else stands in one. */
  #towards(wanted: PoolCounts, template: RunnableTemplate): (() => Promise<void>) | null {
    const { slots, streamers } = this.counts;
    if (slots < Math.max(wanted.slots, wanted.streamers, wanted.warm)) return () => this.#addSlot();
    const fitting = [...this.#waiting].filter((prepared) => prepared.fits(template));
    if (streamers < wanted.streamers) {
      const prepared = fitting.find(({ streamer }) => streamer === null);
      if (prepared !== undefined) return () => this.#addStreamer(prepared, template);
    }
    const bare = fitting.filter(({ vm }) => vm === null);
    if (fitting.length - bare.length < wanted.warm) {
      const prepared = bare.find(({ streamer }) => streamer !== null) ?? bare[0];
      if (prepared !== undefined) return () => this.#addVm(prepared, template);
    }
    const cold = fitting.find(({ vm, rehearsed }) => vm !== null && !rehearsed);
    if (cold !== undefined && this.#rehearsal === null && this.#wantsRehearsals(template))
      return () => this.#rehearse(cold);
    return null;
  }

  /** With KVM there is no code to translate, and a rehearsal only costs memory. */
  #wantsRehearsals({ template }: RunnableTemplate): boolean {
    return template.manifest.accelerator === 'tcg' && this.#failedRehearsals < MAX_FAILED_REHEARSALS;
  }

  async #addSlot(): Promise<void> {
    const vmId = `vm-${randomBytes(6).toString('hex')}`;
    const begunAt = performance.now();
    this.#making = vmId;
    try {
      this.#waiting.add(new Prepared(vmId, await this.#options.makeSlot()));
      this.#made('slot', begunAt);
    } finally {
      this.#making = null;
    }
  }

  async #addStreamer(prepared: Prepared, template: RunnableTemplate): Promise<void> {
    await this.#equip('streamer', prepared, template, async () => {
      const streamer = await this.#options.makeStreamer(prepared.slot, prepared.vmId, template);
      prepared.streamer = streamer;
      void streamer.died.then(() => this.#died(prepared));
    });
  }

  async #addVm(prepared: Prepared, template: RunnableTemplate): Promise<void> {
    await this.#equip('VM', prepared, template, async () => {
      const vm = await this.#options.restore(prepared.slot, prepared.vmId, template);
      prepared.vm = vm;
      void vm.exited.then(() => this.#died(prepared));
    });
  }

  /** Where both ends of it stand. */
  async #addPicture(prepared: Prepared, template: RunnableTemplate): Promise<void> {
    const { slot, streamer, vm } = prepared;
    if (streamer === null || vm === null) return;
    prepared.picture = this.#options.makePicture(slot, template);
    await prepared.picture?.start(vm, streamer);
  }

  /** Only begins it: it waits for the guest more than for the CPUs, so the rest is made meanwhile. A start ends it. */
  async #rehearse(prepared: Prepared): Promise<void> {
    const { slot, vm } = prepared;
    if (vm === null) return;
    const begunAt = performance.now();
    const ending = new AbortController();
    const over = this.#options.rehearse(slot, vm, ending.signal).then(
      () => {
        this.#rehearsal = null;
        prepared.rehearsed = true;
        this.#failedRehearsals = 0;
        this.#made('rehearsal', begunAt);
        return null;
      },
      (error: unknown) => {
        this.#rehearsal = null;
        if (ending.signal.aborted) return null;
        this.#failedRehearsals += 1;
        this.#options.warn('a VM that was made ahead did not rehearse', error);
        this.#discard(prepared);
        return error;
      },
    );
    this.#rehearsal = { of: prepared, ending, over };
  }

  /** Resolves when the VM that rehearsed is paused; named: only if it is this one. */
  async #stopRehearsing(prepared?: Prepared): Promise<void> {
    const rehearsal = this.#rehearsal;
    if (rehearsal === null || (prepared !== undefined && rehearsal.of !== prepared)) return;
    rehearsal.ending.abort(new Error('the VM is needed'));
    await rehearsal.over;
  }

  async #equip(
    what: 'streamer' | 'VM',
    prepared: Prepared,
    template: RunnableTemplate,
    make: () => Promise<void>,
  ): Promise<void> {
    const begunAt = performance.now();
    this.#busy = prepared;
    try {
      await make();
      prepared.template = template;
      await this.#addPicture(prepared, template);
      this.#made(what, begunAt);
      if (!(await prepared.answers())) this.#discard(prepared);
    } catch (error) {
      this.#discard(prepared);
      throw error;
    } finally {
      this.#busy = null;
    }
    // While it was not to be touched, another template may have come.
    if (this.#template !== null && !prepared.fits(this.#template)) this.#discard(prepared);
  }

  #made(what: 'slot' | 'streamer' | 'VM' | 'rehearsal', begunAt: number): void {
    const tookMs = Math.round(performance.now() - begunAt);
    this.#options.log(`${what} made ahead`, { tookMs, waiting: this.counts });
  }

  #died(prepared: Prepared): void {
    if (!this.#waiting.has(prepared) || prepared === this.#busy) return;
    this.#discard(prepared);
    this.#schedule();
  }

  #discard(prepared: Prepared): void {
    if (this.#waiting.delete(prepared)) this.#remove(prepared);
  }

  #remove(prepared: Prepared): void {
    const removing = this.#stopRehearsing(prepared)
      .then(() => prepared.remove())
      .catch((error: unknown) => this.#options.warn(`what was prepared for ${prepared.vmId} stays`, error))
      .finally(() => this.#removing.delete(removing));
    this.#removing.add(removing);
  }
}
