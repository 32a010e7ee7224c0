import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BrowserVmError, type Fault, type TemplateUsage, toFault } from '@browser-vm/protocol';
import { acquireLock } from '../image/lock.ts';
import { MANIFEST_FILE } from '../image/open.ts';
import { type Lease, lease } from '../system/lease.ts';
import {
  pruneTemplates,
  type RunnableTemplate,
  readTemplate,
  TEMPLATE_FILE,
  type Template,
  type TemplateInputs,
  templateKey,
  templatesDirectory,
} from './template.ts';

/** Milliseconds. */
export interface KeeperTimes {
  /** Between two looks at whether the current template is still what is wanted. */
  readonly check: number;
  /** A build that failed is tried again after this, then after twice as long, up to the other. */
  readonly retry: number;
  readonly longestRetry: number;
  /** Without a start before a build begins beside the sessions: a start needs the CPUs more. */
  readonly quiet: number;
  /** A build waits for that quiet no longer than this. */
  readonly longestWait: number;
}

const TIMES: KeeperTimes = {
  check: 5000,
  retry: 60_000,
  longestRetry: 3_600_000,
  quiet: 5000,
  longestWait: 120_000,
};

export interface Build {
  readonly wanted: TemplateInputs;
  /** Beside sessions, which come first. */
  readonly background: boolean;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface TemplateKeeperOptions {
  readonly stateDir: string;
  /** Everything that goes into a template now. Rejects with what is missing. */
  readonly inputs: () => Promise<TemplateInputs>;
  /** Templates that stay besides those in use. */
  readonly keep: number;
  /** Rejects when this is no time to make one: tried again at the next look. */
  readonly ready: (wanted: TemplateInputs) => Promise<void>;
  readonly build: (build: Build) => Promise<Template>;
  /** From now on VMs start from this one. */
  readonly onCurrent: (runnable: RunnableTemplate) => Promise<void>;
  /** Nothing here runs from this one any more. */
  readonly onRetired: (template: Template) => Promise<void>;
  readonly log: (details: object, message: string) => void;
  readonly times?: Partial<KeeperTimes>;
}

/** A template that something runs from. */
export interface TemplateUse extends RunnableTemplate {
  /** The start is over, well or badly; a build may have the CPUs. */
  settled(): void;
  /** Nothing runs from it any more. */
  release(): void;
}

interface Held {
  readonly runnable: RunnableTemplate;
  readonly leases: readonly Lease[];
  users: number;
}

interface Making {
  readonly key: string;
  readonly since: string;
  progress: string;
}

/**
 * Holds the template that VMs start from, and replaces it in the background when what goes into it has
 * changed. VMs keep the files of the template they run from, and so of its image, until they are gone.
 */
export class TemplateKeeper {
  readonly #options: TemplateKeeperOptions;
  readonly #times: KeeperTimes;
  readonly #closing = new AbortController();
  readonly #held = new Set<Held>();
  readonly #retiring = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #current: Held | null = null;
  #making: Making | null = null;
  #fault: Fault | null = null;
  #retry = { key: '', at: 0, wait: 0 };
  #refreshing: Promise<void> | null = null;
  /** Starts that are under way, and when the last of them was over. */
  #starting = 0;
  #settledAt = Number.NEGATIVE_INFINITY;
  /** Starts that have nothing to start from. */
  #waiting = 0;

  constructor(options: TemplateKeeperOptions) {
    this.#options = options;
    this.#times = { ...TIMES, ...options.times };
    this.#timer = setInterval(() => void this.check(), this.#times.check).unref();
  }

  get current(): RunnableTemplate | null {
    return this.#current?.runnable ?? null;
  }

  get usage(): TemplateUsage {
    const manifest = this.#current?.runnable.template.manifest;
    const inUse = [...this.#held].filter(({ users }) => users > 0).length;
    return {
      current:
        manifest === undefined
          ? null
          : { key: manifest.key, imageId: manifest.imageId, builtAt: manifest.builtAt },
      making: this.#making === null ? null : { ...this.#making },
      retiring: Math.max(0, inUse - 1),
      fault: this.#fault,
    };
  }

  /** Directories below that of the VMs which a build uses now. */
  get buildingIds(): readonly string[] {
    return this.#making === null ? [] : [`template-${this.#making.key}-${process.pid}`];
  }

  /** Resolves when VMs start from what is wanted now. Rejects with what keeps it from being made. */
  async prepare(progress: (line: string) => void, signal?: AbortSignal): Promise<void> {
    this.#waiting += 1;
    try {
      // One at a time: who waited looks again, and finds what the other made.
      while (this.#refreshing !== null) await this.#refreshing.catch(() => {});
      const all = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
      await this.#refreshOnce({ background: false, progress, signal: all });
    } finally {
      this.#waiting -= 1;
    }
  }

  /**
   * What a VM starts from now. Waits only when there is none that could be resumed, and rejects with what
   * keeps one from being made: a stale one is used until the next is ready.
   */
  async use(fits: (runnable: RunnableTemplate) => Promise<boolean>): Promise<TemplateUse> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const held = this.#current;
      if (held !== null && (await this.#isThere(held.runnable)) && (await fits(held.runnable))) {
        // Replaced and left by its last VM while we looked at it: its files may go at any moment.
        if (!this.#held.has(held)) continue;
        return this.#give(held);
      }
      this.#waiting += 1;
      try {
        const log = (line: string) => this.#options.log({}, `template: ${line}`);
        // Many who wait for one build share its end, be it good or bad.
        await (this.#refreshing ??
          this.#refreshOnce({ background: false, progress: log, signal: this.#closing.signal }));
      } finally {
        this.#waiting -= 1;
      }
    }
    throw unusable('template_missing', 'the template vanishes as soon as it is made');
  }

  /** Looks whether another template is wanted, and makes it in the background; resolves when that is over. */
  async check(): Promise<void> {
    if (this.#refreshing !== null || this.#current === null || this.#closing.signal.aborted) return;
    const progress = (line: string) => this.#options.log({}, `template: ${line}`);
    try {
      await this.#refreshOnce({ background: true, progress, signal: this.#closing.signal });
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      const fault = toFault(error, 'template');
      const known = this.#fault?.message === fault.message;
      this.#fault = fault;
      if (known) return;
      this.#options.log(
        { err: error },
        'the template could not be replaced; sessions start from the old one',
      );
    }
  }

  /** Resolves when a build has ended, without leftovers, and nothing is leased any more. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort(unusable('host_closed', 'this host is shutting down'));
    await this.#refreshing?.catch(() => {});
    await Promise.all(this.#retiring);
    await Promise.all([...this.#held].flatMap(({ leases }) => leases.map((held) => held.release())));
    this.#held.clear();
    this.#current = null;
  }

  #give(held: Held): TemplateUse {
    held.users += 1;
    this.#starting += 1;
    let isSettled = false;
    const settled = () => {
      if (isSettled) return;
      isSettled = true;
      this.#starting -= 1;
      this.#settledAt = performance.now();
    };
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      settled();
      this.#leave(held);
    };
    return { ...held.runnable, settled, release };
  }

  #refreshOnce(options: Omit<Build, 'wanted'>): Promise<void> {
    const refreshing = this.#refresh(options).finally(() => {
      this.#refreshing = null;
    });
    this.#refreshing = refreshing;
    return refreshing;
  }

  async #refresh({ background, progress, signal }: Omit<Build, 'wanted'>): Promise<void> {
    const wanted = await this.#options.inputs();
    const key = templateKey(wanted);
    const current = this.#current;
    if (current?.runnable.template.manifest.key === key && (await this.#isThere(current.runnable))) {
      this.#fault = null;
      return;
    }
    if (background && this.#retry.key === key && performance.now() < this.#retry.at) return;
    if (background) await this.#calm(signal);
    await this.#options.ready(wanted);
    const making: Making = { key, since: new Date().toISOString(), progress: 'begins' };
    this.#making = making;
    const tell = (line: string) => {
      making.progress = line;
      progress(line);
    };
    try {
      await this.#replace(wanted, { background, progress: tell, signal });
      this.#fault = null;
      this.#retry = { key: '', at: 0, wait: 0 };
      tell(`template ${key} is ready`);
    } catch (error) {
      const { retry, longestRetry } = this.#times;
      const wait = this.#retry.key === key ? Math.min(longestRetry, this.#retry.wait * 2) : retry;
      this.#retry = { key, at: performance.now() + wait, wait };
      throw error;
    } finally {
      this.#making = null;
    }
  }

  /** Under the template lock, so that nobody makes or removes one meanwhile. */
  async #replace(wanted: TemplateInputs, options: Omit<Build, 'wanted'>): Promise<void> {
    const { keep, stateDir } = this.#options;
    const { progress, signal } = options;
    const key = templateKey(wanted);
    const lock = await this.#lock(() => progress('waiting for another build of a template'), signal);
    try {
      let template = await readTemplate(stateDir, key);
      if (template === null) {
        const { accelerator } = wanted.capabilities;
        progress(`making template ${key} of image ${wanted.image.manifest.id} under ${accelerator}`);
        template = await this.#options.build({ wanted, ...options });
      }
      const next = await this.#hold({ image: wanted.image, template });
      try {
        await this.#options.onCurrent(next.runnable);
      } catch (error) {
        this.#leave(next);
        throw error;
      }
      const before = this.#current;
      this.#current = next;
      if (before !== null) this.#leave(before);
      await pruneTemplates(stateDir, key, keep);
    } finally {
      await lock.release();
    }
  }

  async #hold(runnable: RunnableTemplate): Promise<Held> {
    // VMs may still run from it since the last time it was current.
    const known = [...this.#held].find((held) => isSame(held.runnable.template, runnable.template));
    if (known !== undefined) {
      known.users += 1;
      return known;
    }
    const { image, template } = runnable;
    const leases = await Promise.all([
      lease(template.directory, TEMPLATE_FILE),
      lease(image.directory, MANIFEST_FILE),
    ]);
    const held: Held = { runnable, leases: leases.filter((one) => one !== null), users: 1 };
    if (held.leases.length < leases.length) {
      await Promise.all(held.leases.map((one) => one.release()));
      throw unusable('template_missing', `template ${template.manifest.key} or its image is being removed`);
    }
    this.#held.add(held);
    return held;
  }

  /** Until no start was under way for a while; not for ever, and not while somebody waits for a template. */
  async #calm(signal: AbortSignal): Promise<void> {
    const { quiet, longestWait } = this.#times;
    const until = performance.now() + longestWait;
    const busy = () => this.#starting > 0 || performance.now() - this.#settledAt < quiet;
    while (busy() && this.#waiting === 0 && performance.now() < until) {
      await delay(Math.min(250, quiet), undefined, { signal });
    }
  }

  #leave(held: Held): void {
    held.users -= 1;
    if (held.users > 0 || !this.#held.delete(held)) return;
    const retiring = this.#retire(held)
      .catch((error: unknown) => {
        if (this.#closing.signal.aborted) return;
        this.#options.log({ err: error }, 'an old template could not be removed');
      })
      .finally(() => this.#retiring.delete(retiring));
    this.#retiring.add(retiring);
  }

  async #retire({ leases, runnable }: Held): Promise<void> {
    await this.#options.onRetired(runnable.template);
    await Promise.all(leases.map((held) => held.release()));
    if (this.#current === null || this.#closing.signal.aborted) return;
    const lock = await this.#lock(() => {}, this.#closing.signal);
    try {
      const used = this.#current.runnable.template.manifest.key;
      await pruneTemplates(this.#options.stateDir, used, this.#options.keep);
    } finally {
      await lock.release();
    }
  }

  async #lock(waiting: () => void, signal: AbortSignal): Promise<{ release: () => Promise<void> }> {
    const directory = templatesDirectory(this.#options.stateDir);
    await mkdir(directory, { recursive: true });
    return await acquireLock(join(directory, '.lock'), { waiting, signal });
  }

  /** Somebody may have removed what nobody should. */
  async #isThere(runnable: RunnableTemplate): Promise<boolean> {
    const template = await readTemplate(this.#options.stateDir, runnable.template.manifest.key);
    return template !== null && isSame(runnable.template, template);
  }
}

/** By when it was made too: one that vanished and was made again has other files. */
function isSame({ manifest: one }: Template, { manifest: other }: Template): boolean {
  return one.key === other.key && one.builtAt === other.builtAt;
}

function unusable(code: string, message: string): BrowserVmError {
  return new BrowserVmError({ code, message, hop: 'template' }, { status: 503 });
}
