import { setTimeout as delay } from 'node:timers/promises';
import {
  type Admission,
  BrowserVmError,
  type Fault,
  type Host,
  isTerminal,
  type Session,
  type SessionStage,
  type SessionState,
  type SessionVm,
  type SessionWait,
  type VmEvent,
  type VmRequest,
} from '@browser-vm/protocol';
import type { FastifyBaseLogger } from 'fastify';
import { faultOf } from '../database/errors.ts';
import { createViewers, type Viewers } from '../signaling/viewers.ts';
import { sealCredential } from '../vault/credentials.ts';
import type { Vault } from '../vault/vault.ts';
import { sessionOver } from './errors.ts';
import type { SessionSignals } from './signals.ts';
import type { Outcome, SessionStore, StandbyEvent } from './store.ts';

const CONSOLE_LINES = 50;
/** A console that does not answer must not keep a session from failing. */
const CONSOLE_TIMEOUT_MS = 5000;
/** A credential exists once, and so does a session's end: both are tried again while a database recovers. */
const STORE_ATTEMPTS = 5;
const STOP_ATTEMPTS = 3;
const RETRY_DELAY_MS = 1000;

const STAGE_OF: Partial<Record<VmEvent['type'], SessionStage>> = {
  slot_taken: 'slot_taken',
  streamer_ready: 'streamer_ready',
  vm_resumed: 'vm_resumed',
  agent_ready: 'agent_ready',
  identity_set: 'identity_set',
  desktop_ready: 'desktop_ready',
  login_started: 'login_started',
  url_opened: 'url_opened',
  credential_seen: 'credential_seen',
};

export interface RunParts {
  readonly host: Host;
  readonly store: SessionStore;
  readonly vault: Vault;
  readonly signals: SessionSignals;
  readonly logger: FastifyBaseLogger;
  /** Called once, when nothing of this session is left on the host. */
  readonly onGone: () => void;
}

/** One session while it lives: follows its VM, changes its state, and sees that everything is gone in the end. */
export class SessionRun {
  readonly session: Session;
  readonly #parts: RunParts;
  readonly #ended = new AbortController();
  readonly #expiry: NodeJS.Timeout;
  readonly #viewers = Promise.withResolvers<Viewers>();
  #knownViewers: Viewers | null = null;
  #wait: SessionWait | null = null;
  #hasImage = false;
  #vm: Promise<SessionVm> | null = null;
  #clipboard = false;
  #completion: Promise<boolean> | null = null;
  #teardown: Promise<void> | null = null;

  constructor(session: Session, parts: RunParts) {
    this.session = session;
    this.#parts = parts;
    this.#viewers.promise.catch(() => {});
    this.#expiry = setTimeout(
      () => void this.#endQuietly('expired', { reason: 'its time was over' }),
      Math.max(0, Date.parse(session.expiresAt) - Date.now()),
    );
  }

  /** Aborted when the session reaches a terminal state; its reason is that state. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** May what is copied go between people and this desktop? */
  get clipboard(): boolean {
    return this.#clipboard;
  }

  /** Is an image on its desktop's clipboard, for people to copy? */
  get hasImage(): boolean {
    return this.#clipboard && this.#hasImage;
  }

  /** Its place among those who wait to start; null when there is something to connect to, or never will be. */
  get wait(): SessionWait | null {
    return this.ended.aborted ? null : this.#wait;
  }

  /** Null before there is something to connect to. */
  get knownViewers(): Viewers | null {
    return this.#knownViewers;
  }

  /** Rejects with the host's refusal, which is then the session's fault too. */
  async start(request: VmRequest, admission: Admission): Promise<void> {
    this.#clipboard = request.clipboard !== false;
    this.#wait = admission.waiting;
    admission.onMoved((wait) => this.#moved(wait));
    const starting = admission.place.then((given) => {
      if (!this.ended.aborted) return this.#parts.host.start({ ...request, place: given });
      given.release();
      throw sessionOver(this.session.sessionId, this.ended.reason);
    });
    this.#vm = starting;
    try {
      const vm = await starting;
      await this.#parts.store.vmStarted({
        vmId: vm.vmId,
        driver: vm.driver,
        sessionId: this.session.sessionId,
      });
      this.#knownViewers = createViewers(vm);
      this.#viewers.resolve(this.#knownViewers);
      if (this.#wait !== null) this.#moved(null);
      void this.#follow(vm);
    } catch (error) {
      this.#viewers.reject(error);
      await this.#fail(faultOf(error, 'host'));
      throw error;
    }
  }

  #moved(wait: SessionWait | null): void {
    this.#wait = wait;
    this.#parts.signals.moved(this.session.sessionId);
  }

  viewers(): Promise<Viewers> {
    return this.#viewers.promise;
  }

  async vm(): Promise<SessionVm> {
    if (this.#vm === null) throw new Error('a session is asked for its VM before it is started');
    return this.#vm;
  }

  /** True when this call ended the session. Everything on the host goes, whoever ended it. */
  async end(to: SessionState, outcome: Outcome): Promise<boolean> {
    try {
      const { changed, status } = await this.#parts.store.transition(this.session.sessionId, to, outcome);
      if (isTerminal(status)) this.#tearDown(status);
      return changed;
    } catch (error) {
      this.#tearDown(to);
      throw error;
    } finally {
      this.#parts.signals.notify(this.session.sessionId);
    }
  }

  /** Resolves when VM, slot and streamer are gone; the session must have ended. */
  async gone(): Promise<void> {
    await this.#teardown;
  }

  async reachStage(stage: SessionStage): Promise<void> {
    await this.#parts.store.reachStage(this.session.sessionId, stage);
    this.#parts.signals.notify(this.session.sessionId);
  }

  async #follow(vm: SessionVm): Promise<void> {
    try {
      let handled: Promise<void> = Promise.resolve();
      for await (const event of vm.events) {
        // A viewer waits for candidates; they need not wait for the rows of what came before.
        if (event.type === 'candidate') {
          await this.#handle(vm, event);
          continue;
        }
        handled = handled.then(() => this.#handle(vm, event));
        // The first that fails ends the session, and what comes after it is not handled.
        handled.catch((error: unknown) => this.#broke(error));
      }
      await handled;
      await this.#failUnlessCompleted({
        code: 'vm_ended',
        message: `VM ${vm.vmId} ended before the sign-in did`,
        hop: 'driver',
        remedy: "read the session's last console lines, then start a new session",
      });
    } catch (error) {
      await this.#broke(error);
    }
  }

  /** May be called again with what the first call's error caused. */
  async #broke(error: unknown): Promise<void> {
    if (this.ended.aborted) return;
    this.#parts.logger.error({ err: error }, 'following a VM failed');
    await this.#failUnlessCompleted(faultOf(error, 'host'));
  }

  async #handle(vm: SessionVm, event: VmEvent): Promise<void> {
    const stage = STAGE_OF[event.type];
    if (stage !== undefined) await this.reachStage(stage);
    switch (event.type) {
      case 'desktop_ready':
        await this.#advance('ready');
        vm.signIn().catch((error: unknown) => this.#failUnlessCompleted(faultOf(error, 'agent')));
        break;
      case 'login_started':
        await this.#advance('signing_in');
        break;
      case 'credential_ready':
        // Not awaited: the VM may fail while it hands the credential over, and that is an event too.
        this.#completion ??= this.#complete(vm);
        break;
      case 'viewer':
        await this.#parts.store.noteViewer({
          sessionId: this.session.sessionId,
          viewerId: event.viewerId,
          state: event.state,
          transport: 'webrtc',
        });
        if (event.state === 'connected') await this.reachStage('viewer_connected');
        break;
      case 'candidate': {
        const { viewerId, candidate } = event;
        if ((await this.viewers()).candidateFromStreamer(viewerId, candidate)) {
          this.#parts.signals.candidate(this.session.sessionId, { viewerId, candidate });
        }
        break;
      }
      case 'clipboard':
        this.#hasImage = event.hasImage;
        this.#parts.signals.moved(this.session.sessionId);
        break;
      case 'standby':
        await this.#happened({ type: 'standby' });
        break;
      case 'awake':
        await this.#happened({ type: 'awake', wakeMs: Math.round(event.wakeMs * 10) / 10 });
        break;
      case 'failed':
        await this.#failUnlessCompleted(event.fault, event.consoleTail);
        break;
    }
  }

  async #happened(event: StandbyEvent): Promise<void> {
    await this.#parts.store.happened(this.session.sessionId, event);
    this.#parts.signals.notify(this.session.sessionId);
  }

  async #advance(to: SessionState): Promise<void> {
    const { changed, status } = await this.#parts.store.transition(this.session.sessionId, to);
    this.#parts.signals.notify(this.session.sessionId);
    if (!changed && !isTerminal(status)) throw outOfOrder(status, to);
  }

  /** Stored first, destroyed after. True when the session is completed. */
  async #complete(vm: SessionVm): Promise<boolean> {
    const { sessionId, userId, provider } = this.session;
    try {
      const sealed = await sealCredential(this.#parts.vault, { userId, provider }, await vm.takeCredential());
      const result = await retry(STORE_ATTEMPTS, () =>
        this.#parts.store.transition(sessionId, 'completed', {
          credential: sealed,
          reason: 'the credential is stored',
        }),
      );
      if (!result.changed && !isTerminal(result.status)) throw outOfOrder(result.status, 'completed');
      this.#tearDown(result.status);
      this.#parts.signals.notify(sessionId);
      return result.status === 'completed';
    } catch (error) {
      this.#parts.logger.error({ err: error }, 'storing a credential failed');
      await this.#fail(faultOf(error, 'vault'));
      return false;
    }
  }

  /** A failure that comes while the credential is being stored waits for the outcome of that. */
  async #failUnlessCompleted(fault: Fault, consoleTail?: readonly string[]): Promise<void> {
    if (this.#completion !== null && (await this.#completion)) return;
    await this.#fail(fault, consoleTail);
  }

  async #fail(fault: Fault, consoleTail?: readonly string[]): Promise<void> {
    if (this.ended.aborted) return;
    await this.#endQuietly('failed', {
      reason: fault.message,
      fault,
      consoleTail: consoleTail ?? (await this.#consoleTail()),
    });
  }

  async #consoleTail(): Promise<readonly string[]> {
    const tail = Promise.resolve(this.#vm).then((vm) => vm?.consoleTail(CONSOLE_LINES) ?? []);
    const unanswered = delay(CONSOLE_TIMEOUT_MS, [], { ref: false });
    return Promise.race([tail, unanswered]).catch(() => []);
  }

  async #endQuietly(to: SessionState, outcome: Outcome): Promise<void> {
    await retry(STORE_ATTEMPTS, () => this.end(to, outcome)).catch((error: unknown) => {
      this.#parts.logger.error({ err: error, to }, "a session's end could not be written");
    });
  }

  #tearDown(status: SessionState): void {
    this.#teardown ??= this.#removeEverything(status);
  }

  async #removeEverything(status: SessionState): Promise<void> {
    clearTimeout(this.#expiry);
    this.#ended.abort(status);
    const { logger, store, onGone, signals } = this.#parts;
    const vm = await this.#vm?.catch(() => null);
    try {
      if (vm !== undefined && vm !== null) {
        await retry(STOP_ATTEMPTS, () => vm.stop());
        await store.vmEnded(vm.vmId, status);
        await store.reachStage(this.session.sessionId, 'vm_gone');
      }
    } catch (error) {
      logger.fatal({ err: error, vmId: vm?.vmId }, 'a VM could not be shown to be gone');
    } finally {
      onGone();
      signals.notify(this.session.sessionId);
    }
  }
}

async function retry<T>(attempts: number, action: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await action();
    } catch (error) {
      if (attempt >= attempts) throw error;
      await delay(RETRY_DELAY_MS * attempt);
    }
  }
}

function outOfOrder(status: SessionState, to: SessionState): BrowserVmError {
  return new BrowserVmError({
    code: 'event_out_of_order',
    message: `the VM reported what makes a session ${to} while it was ${status}`,
    hop: 'agent',
  });
}
