import type { Duplex } from 'node:stream';
import type { AgentStage, Credential } from './agent.ts';
import type { Fault, Hop } from './errors.ts';
import type { ControlState } from './input.ts';
import type { ProviderDescriptor } from './provider.ts';
import type { FullReason, SessionWait } from './session.ts';
import type { IceCandidate, IceServer, ViewerMode, ViewerState } from './signaling.ts';

/** One hop of the machine, checked. */
export interface Check {
  readonly name: string;
  readonly hop: Hop;
  readonly ok: boolean;
  readonly detail: string;
  readonly remedy?: string;
}

/** What the host needs to know to start a VM for a session. */
export interface VmRequest {
  readonly sessionId: string;
  readonly provider: ProviderDescriptor;
  readonly iceServers: readonly IceServer[];
  /** False: nothing copied goes either way. Otherwise as the host is configured. */
  readonly clipboard?: boolean;
  /** From `admit`; absent: `start` takes one at once or refuses. */
  readonly place?: Place;
}

/** Room for one VM, held until `start` fills it or `release` gives it back. */
export interface Place {
  /** Any number of times; harmless once a VM has filled it. */
  release(): void;
}

/** The host's answer to who wants a VM. */
export interface Admission {
  /** Null: there was room at once. */
  readonly waiting: SessionWait | null;
  /** Calls `listener` whenever somebody who came first no longer does, until `place` settles. One listener. */
  onMoved(listener: (wait: SessionWait) => void): void;
  /** Resolves in the order of asking. Rejects with `host_full` when the wait was over, or when aborted. */
  readonly place: Promise<Place>;
}

/** What happens to a session's VM and stream, pushed in order. */
export type VmEvent =
  | {
      readonly type:
        | 'slot_taken'
        | 'streamer_ready'
        | 'vm_resumed'
        | 'agent_ready'
        | 'identity_set'
        | 'desktop_ready';
    }
  | { readonly type: 'guest_stage'; readonly stage: AgentStage; readonly elapsedMs: number }
  | { readonly type: 'login_started' | 'credential_seen' | 'credential_ready' }
  | { readonly type: 'url_opened'; readonly origin: string }
  | { readonly type: 'clipboard'; readonly hasImage: boolean }
  | { readonly type: 'standby' }
  | { readonly type: 'awake'; readonly wakeMs: number }
  | { readonly type: 'viewer'; readonly viewerId: string; readonly state: ViewerState }
  | { readonly type: 'candidate'; readonly viewerId: string; readonly candidate: IceCandidate }
  | { readonly type: 'failed'; readonly fault: Fault; readonly consoleTail: readonly string[] };

/** A connection to the guest's VNC server, as it is: whether its viewer is in control is for the caller to heed. */
export interface VncViewer {
  /** Whoever closes it leaves. */
  readonly stream: Duplex;
  /** Calls `listener` with how control stands, from the beginning and whenever that changes. One listener. */
  onControl(listener: (control: ControlState) => void): void;
  /** Takes control from whoever has it, if this viewer may. */
  takeControl(): void;
}

/** A VM, its slot and its streamer, from request to gone. */
export interface SessionVm {
  readonly vmId: string;
  readonly driver: string;
  /** In order, from the beginning, ending after `stop` or a failure. One consumer. */
  readonly events: AsyncIterable<VmEvent>;
  /** Resolves with the answer's SDP; works before the VM runs. Rejects with a typed error. */
  offer(viewerId: string, sdp: string, mode: ViewerMode): Promise<string>;
  addCandidate(viewerId: string, candidate: IceCandidate): Promise<void>;
  disconnectViewer(viewerId: string): Promise<void>;
  /** A viewer by VNC, which has its turn in control beside those by WebRTC. Rejects naming the hop that failed. */
  openVnc(mode: ViewerMode, signal?: AbortSignal): Promise<VncViewer>;
  /** Runs the provider's login; resolves when the agent accepted it. After `desktop_ready`. */
  signIn(): Promise<void>;
  /** After `credential_ready`. The caller stores it before it calls `stop`. */
  takeCredential(): Promise<Credential>;
  /** The PNG on the guest's clipboard; null where it has no image. After `identity_set`. */
  clipboardImage(): Promise<Uint8Array | null>;
  /** Puts a PNG on the guest's clipboard. After `identity_set`. */
  setClipboardImage(png: Uint8Array): Promise<void>;
  /** Last lines of the VM's console, oldest first. */
  consoleTail(lines: number): Promise<readonly string[]>;
  /** Resolves when VM, slot and streamer are gone. May be called any number of times, at any moment. */
  stop(): Promise<void>;
}

/** What exists on the host now, for people and for leak counts. */
export interface HostUsage {
  /** Of sessions. */
  readonly vms: number;
  /** Of those: VMs whose CPUs stand still until somebody wants them. They keep their place. */
  readonly standby: number;
  /** Of sessions and of the pool. */
  readonly slots: number;
  readonly streamers: number;
  /** What was made ahead and waits; `warm`: VMs restored and paused. */
  readonly pool?: {
    readonly slots: number;
    readonly streamers: number;
    readonly warm: number;
    /** What it shares with nobody, MiB. */
    readonly memoryMb: number;
  };
  readonly freeMemoryMb: number;
  readonly diskMb: { readonly images: number; readonly templates: number; readonly logs: number };
  readonly capacity: HostCapacity;
  readonly template: TemplateUsage;
}

/** The template that sessions start from, and the one that will replace it. */
export interface TemplateUsage {
  /** Null before there is one. */
  readonly current: { readonly key: string; readonly imageId: string; readonly builtAt: string } | null;
  /** Being made, while sessions start from `current` or wait for it; with its last line of progress. */
  readonly making: { readonly key: string; readonly since: string; readonly progress: string } | null;
  /** Templates besides `current` that sessions still run from. */
  readonly retiring: number;
  /** Why the last attempt to replace `current` failed; it is tried again by itself. */
  readonly fault: Fault | null;
}

/** What the host measured of its VMs, and what it expects of the next one. Memory in MiB. */
export interface HostCapacity {
  readonly maxVms: number;
  /** Sessions that wait for a place. */
  readonly queued: number;
  /** Why no VM would start now; null when one would. */
  readonly full: { readonly reason: FullReason; readonly message: string } | null;
  /** VMs that would still fit now. */
  readonly roomForVms: number;
  /** Memory that the live VMs and their streamers share with nobody. */
  readonly vmsMb: number;
  /** What one more VM is expected to take. */
  readonly perVmMb: number;
  /** Runnable tasks per core, averaged over a minute. */
  readonly loadPerCore: number;
  readonly logsLimitMb: number;
}

/** A machine that runs VMs, as the controller knows it. */
export interface Host {
  /** Checks everything a VM needs; boots nothing that a person would notice. */
  doctor(): Promise<readonly Check[]>;
  /** Makes image checks and the template ready; may take a minute. Progress lines for people. */
  prepare(progress: (line: string) => void, signal?: AbortSignal): Promise<void>;
  /**
   * Asks for room for one VM. Rejects with `host_full` (its `details` hold `reason` and `retryAfterSeconds`)
   * unless BROWSER_VM_QUEUE_SECONDS lets it wait.
   */
  admit(signal?: AbortSignal): Promise<Admission>;
  /** Refuses before boot with a typed error (memory, TUN, nft, image); otherwise returns at once. */
  start(request: VmRequest): Promise<SessionVm>;
  usage(): Promise<HostUsage>;
  /** Removes what an earlier controller left: starts from processes, not from rows. Counts what it removed. */
  reconcile(): Promise<{
    readonly processes: number;
    readonly namespaces: number;
    readonly directories: number;
  }>;
  close(): Promise<void>;
}
