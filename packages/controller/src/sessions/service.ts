import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import {
  type Admission,
  type Answer,
  BrowserVmError,
  type CandidateRequest,
  type Fault,
  type Host,
  type OfferRequest,
  PROVIDERS,
  type Session,
  type SessionVm,
  type SessionWait,
  type StartRequest,
  type ViewerCandidate,
  type ViewerMode,
  type ViewerReport,
  type VncViewer,
} from '@browser-vm/protocol';
import type { FastifyBaseLogger } from 'fastify';
import type { IceServersFor } from '../signaling/ice-servers.ts';
import type { Vault } from '../vault/vault.ts';
import { alreadyEnded, sessionOver, shuttingDown, unknownProvider, viewerLeft } from './errors.ts';
import { SessionRun } from './session-run.ts';
import { createSessionSignals, type SessionSignals } from './signals.ts';
import type { SessionStore } from './store.ts';
import { createUserLimit } from './user-limit.ts';

export interface SessionServiceParts {
  readonly host: Host;
  readonly store: SessionStore;
  readonly vault: Vault;
  readonly logger: FastifyBaseLogger;
  readonly iceServers: IceServersFor;
  /** Sessions of one user at once; undefined: no limit but the host's. */
  readonly maxVmsPerUser: number | undefined;
  /** May what is copied go between people and desktops? A session may have less, never more. */
  readonly clipboard: boolean;
  readonly sessionSeconds: number;
}

/** What the API can do with sessions. Throws typed errors: 400 unknown provider, 404 unknown session, 409 over. */
export interface SessionService {
  readonly store: SessionStore;
  readonly signals: SessionSignals;
  start(request: StartRequest): Promise<Session>;
  cancel(sessionId: string): Promise<Session>;
  /** Is anything of this session left on the host? */
  isLive(sessionId: string): boolean;
  /** `left`: whoever offered does not wait for the answer any more. */
  offer(sessionId: string, offer: OfferRequest, mode: ViewerMode, left: AbortSignal): Promise<Answer>;
  answer(sessionId: string, viewerId: string): Promise<Answer>;
  candidate(sessionId: string, request: CandidateRequest): Promise<void>;
  knownCandidates(sessionId: string): ViewerCandidate[];
  /** Its place among those who wait to start; null when it waits for nothing. */
  waits(sessionId: string): SessionWait | null;
  viewerReported(sessionId: string, stage: ViewerReport['stage']): Promise<void>;
  /** A viewer by VNC. `clipboard`: may what is copied go its way; `ended` is aborted when the session is. */
  openVnc(
    sessionId: string,
    mode: ViewerMode,
    signal: AbortSignal,
  ): Promise<{ viewer: VncViewer; clipboard: boolean; ended: AbortSignal }>;
  /** Is an image on the guest's clipboard, for people to copy? */
  hasImage(sessionId: string): boolean;
  /** The PNG on the guest's clipboard; null where it has no image. */
  clipboardImage(sessionId: string): Promise<Uint8Array | null>;
  setClipboardImage(sessionId: string, png: Uint8Array): Promise<void>;
  /** Ends what an earlier controller left, on the host and in the database. */
  reconcile(): Promise<void>;
  /** Fails what still lives and resolves when it is gone from the host. */
  close(): Promise<void>;
}

const RESTARTED: Fault = {
  code: 'controller_restarted',
  message: 'the controller ended while this session was open',
  hop: 'host',
  remedy: 'start a new session',
};
const STOPPED: Fault = {
  code: 'controller_stopped',
  message: 'the controller was stopped while this session was open',
  hop: 'host',
  remedy: 'start a new session',
};

export function createSessionService(parts: SessionServiceParts): SessionService {
  const { host, store, vault, logger, iceServers } = parts;
  const signals = createSessionSignals();
  const users = createUserLimit(parts.maxVmsPerUser);
  const runs = new Map<string, SessionRun>();
  /** Sessions on their way into the database: not yet in `runs`, and not to be missed by `close`. */
  const creating = new Set<Promise<unknown>>();
  let closing = false;

  async function running(sessionId: string): Promise<SessionRun> {
    const run = runs.get(sessionId.toLowerCase());
    if (run !== undefined && !run.ended.aborted) return run;
    const { status } = await store.get(sessionId);
    throw sessionOver(sessionId, status);
  }

  async function withClipboard(sessionId: string): Promise<SessionVm> {
    const run = await running(sessionId);
    if (run.clipboard) return await run.vm();
    throw new BrowserVmError(
      {
        code: 'clipboard_off',
        message: 'nothing copied goes to or from the desktop of this session',
        hop: 'request',
      },
      { status: 403 },
    );
  }

  /** A place, or a turn in the queue, and only then a row. */
  async function create(
    wanted: { readonly userId: string; readonly providerId: string; readonly sessionId: string },
    signal: AbortSignal,
  ): Promise<{ readonly session: Session; readonly admission: Admission }> {
    const { userId, providerId, sessionId } = wanted;
    const admission = await host.admit(signal);
    try {
      if (closing) throw shuttingDown();
      const session = await store.create({
        sessionId,
        userId,
        provider: providerId,
        expiresAt: new Date(Date.now() + parts.sessionSeconds * 1000),
        reason: admission.waiting === null ? undefined : `waits for a place: ${admission.waiting.message}`,
      });
      return { session, admission };
    } catch (error) {
      void admission.place.then(
        (place) => place.release(),
        () => {},
      );
      throw error;
    }
  }

  return {
    store,
    signals,

    async start({ userId, provider: providerId, clipboard: wanted = true }) {
      const provider = PROVIDERS.get(providerId);
      if (provider === undefined) throw unknownProvider(providerId);
      if (closing) throw shuttingDown();
      const giveBack = users.take(userId);
      // Whoever no longer wants a place leaves the queue.
      const leaving = new AbortController();
      const sessionId = randomUUID();
      const creation = create({ userId, providerId, sessionId }, leaving.signal);
      creating.add(creation);
      const { admission, session } = await creation
        .catch((error: unknown) => {
          leaving.abort(error);
          giveBack();
          throw error;
        })
        .finally(() => creating.delete(creation));
      const run = new SessionRun(session, {
        host,
        store,
        vault,
        signals,
        logger: logger.child({ sessionId }),
        onGone: () => {
          runs.delete(sessionId);
          giveBack();
        },
      });
      run.ended.addEventListener('abort', () => leaving.abort(sessionOver(sessionId, run.ended.reason)));
      runs.set(sessionId, run);
      // The streamer has them for as long as the session lasts, also while it waits for a place.
      const servers = iceServers(`streamer-${sessionId}`, parts.sessionSeconds);
      const clipboard = parts.clipboard && wanted;
      const started = run.start({ sessionId, provider, iceServers: servers, clipboard }, admission);
      if (admission.waiting === null) {
        await started;
        return store.get(sessionId);
      }
      // What becomes of it is told by the session's events.
      started.catch((error: unknown) => logger.info({ err: error, sessionId }, 'a session waited in vain'));
      return session;
    },

    async cancel(sessionId) {
      const run = runs.get(sessionId.toLowerCase());
      const changed = await run?.end('cancelled', { reason: 'cancelled by request' });
      const session = await store.get(sessionId);
      if (changed !== true && session.status !== 'cancelled') throw alreadyEnded(sessionId, session.status);
      return session;
    },

    isLive: (sessionId) => runs.has(sessionId.toLowerCase()),

    async offer(sessionId, { viewerId, sdp }, mode, left) {
      const viewers = await (await running(sessionId)).viewers();
      // While its session waited to start. A streamer would keep a viewer that never comes.
      if (left.aborted) throw viewerLeft(viewerId);
      return { viewerId, sdp: await viewers.offer(viewerId, sdp, mode) };
    },

    async answer(sessionId, viewerId) {
      const viewers = await (await running(sessionId)).viewers();
      return { viewerId, sdp: await viewers.answer(viewerId) };
    },

    async candidate(sessionId, { viewerId, candidate }) {
      const viewers = await (await running(sessionId)).viewers();
      await viewers.candidateFromViewer(viewerId, candidate);
    },

    knownCandidates(sessionId) {
      const run = runs.get(sessionId.toLowerCase());
      if (run === undefined || run.ended.aborted) return [];
      return run.knownViewers?.knownCandidates() ?? [];
    },

    waits: (sessionId) => runs.get(sessionId.toLowerCase())?.wait ?? null,

    async viewerReported(sessionId, stage) {
      await (await running(sessionId)).reachStage(stage);
    },

    async openVnc(sessionId, mode, signal) {
      const run = await running(sessionId);
      const vm = await run.vm();
      const viewer = await vm.openVnc(mode, AbortSignal.any([signal, run.ended]));
      try {
        await store.noteViewer({
          sessionId: run.session.sessionId,
          viewerId: null,
          state: 'connected',
          transport: 'vnc',
        });
        await run.reachStage('viewer_connected');
      } catch (error) {
        viewer.stream.destroy();
        throw error;
      }
      return { viewer, clipboard: run.clipboard, ended: run.ended };
    },

    hasImage: (sessionId) => runs.get(sessionId.toLowerCase())?.hasImage ?? false,

    async clipboardImage(sessionId) {
      return await (await withClipboard(sessionId)).clipboardImage();
    },

    async setClipboardImage(sessionId, png) {
      await (await withClipboard(sessionId)).setClipboardImage(png);
    },

    async reconcile() {
      const removed = await host.reconcile();
      const sessions = await store.failLeftovers(RESTARTED);
      logger.info({ removed, sessions }, 'ended what an earlier controller left');
    },

    async close() {
      closing = true;
      await Promise.allSettled(creating);
      // What waited for those goes on first, and puts its run into the map.
      await setImmediate();
      await Promise.all(
        [...runs.values()].map(async (run) => {
          await run
            .end('failed', { reason: STOPPED.message, fault: STOPPED })
            .catch((error: unknown) => logger.error({ err: error }, 'a session could not be ended'));
          await run.gone();
        }),
      );
    },
  };
}
