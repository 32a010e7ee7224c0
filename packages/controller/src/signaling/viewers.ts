import {
  BrowserVmError,
  type IceCandidate,
  type SessionVm,
  type ViewerCandidate,
  type ViewerMode,
} from '@browser-vm/protocol';

/** Viewers of one session remembered at once; the one that came first gives way. */
const MAX_VIEWERS = 16;
/** Candidates remembered per viewer and direction; a browser sends far fewer. */
const MAX_CANDIDATES = 64;

interface Viewer {
  /** Null until its offer arrives. */
  answer: Promise<string> | null;
  /** From the viewer, before its offer arrived. */
  readonly early: IceCandidate[];
  /** From the streamer, for whoever opens the event stream later. */
  readonly fromStreamer: IceCandidate[];
}

/** Offers, answers and candidates between the viewers of one session and its streamer, in any order. */
export interface Viewers {
  offer(viewerId: string, sdp: string, mode: ViewerMode): Promise<string>;
  /** Throws `unknown_viewer` when that viewer made no offer. */
  answer(viewerId: string): Promise<string>;
  candidateFromViewer(viewerId: string, candidate: IceCandidate): Promise<void>;
  /** False when no viewer of that name made an offer: a streamer is not believed. */
  candidateFromStreamer(viewerId: string, candidate: IceCandidate): boolean;
  knownCandidates(): ViewerCandidate[];
}

export function createViewers(vm: SessionVm): Viewers {
  const viewers = new Map<string, Viewer>();

  function viewer(viewerId: string): Viewer {
    const known = viewers.get(viewerId);
    if (known !== undefined) return known;
    const [oldest] = viewers.keys();
    if (viewers.size >= MAX_VIEWERS && oldest !== undefined) viewers.delete(oldest);
    const added: Viewer = { answer: null, early: [], fromStreamer: [] };
    viewers.set(viewerId, added);
    return added;
  }

  return {
    async offer(viewerId, sdp, mode) {
      const entry = viewer(viewerId);
      entry.fromStreamer.length = 0;
      const answer = vm.offer(viewerId, sdp, mode);
      entry.answer = answer;
      answer.catch(() => {
        if (entry.answer === answer) entry.answer = null;
      });
      const answered = await answer;
      for (const candidate of entry.early.splice(0)) await vm.addCandidate(viewerId, candidate);
      return answered;
    },

    async answer(viewerId) {
      const answer = viewers.get(viewerId)?.answer;
      if (answer === null || answer === undefined) throw unknownViewer(viewerId);
      return answer;
    },

    async candidateFromViewer(viewerId, candidate) {
      const entry = viewer(viewerId);
      if (entry.answer === null) {
        if (entry.early.length < MAX_CANDIDATES) entry.early.push(candidate);
        return;
      }
      await entry.answer;
      await vm.addCandidate(viewerId, candidate);
    },

    candidateFromStreamer(viewerId, candidate) {
      const entry = viewers.get(viewerId);
      if (entry === undefined || entry.answer === null) return false;
      if (entry.fromStreamer.length < MAX_CANDIDATES) entry.fromStreamer.push(candidate);
      return true;
    },

    knownCandidates: () =>
      [...viewers].flatMap(([viewerId, { fromStreamer }]) =>
        fromStreamer.map((candidate) => ({ viewerId, candidate })),
      ),
  };
}

function unknownViewer(viewerId: string): BrowserVmError {
  return new BrowserVmError(
    {
      code: 'unknown_viewer',
      message: `viewer ${viewerId} made no offer in this session`,
      hop: 'viewer',
      remedy: 'post an offer first',
    },
    { status: 404 },
  );
}
