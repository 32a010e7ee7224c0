import type { Bench } from '../support/bench.ts';

export interface LiveSession {
  readonly sessionId: string;
  /** From making the session to the agent's answer, milliseconds. */
  readonly agentReadyMs: number;
  /** Somebody looks at its desktop and moves the pointer, so its CPUs are never stopped. */
  watched: boolean;
}

/** The host has no room for another. */
export interface Refusal {
  readonly refusal: string;
}

/** Starts a session and resolves when its tool waits for the user and its sign-in page is being opened. */
export async function startLiveSession({ api }: Bench, userId: string): Promise<LiveSession | Refusal> {
  let sessionId: string;
  try {
    sessionId = await api.start(userId, 'codex');
  } catch (error) {
    const { message } = error as Error;
    if (/: (429|503) /.test(message)) return { refusal: message };
    throw error;
  }
  const events = await api.history(
    sessionId,
    ({ event }) => event.type === 'stage' && event.stage === 'url_opened',
  );
  const ready = events.find(({ event }) => event.type === 'stage' && event.stage === 'agent_ready');
  const opened = events.some(({ event }) => event.type === 'stage' && event.stage === 'url_opened');
  if (ready === undefined || !opened) {
    const { status, fault } = await api.session(sessionId);
    throw new Error(
      `session ${sessionId} is ${status} before its page opened: ${fault?.message ?? 'no fault'}`,
    );
  }
  return { sessionId, agentReadyMs: ready.elapsedMs, watched: false };
}
