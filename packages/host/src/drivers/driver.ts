import type { Accelerator } from './accelerator.ts';

/** What a monitor may take beside its guest's memory, code it translated included. MiB. */
export const MONITOR_OVERHEAD_MB = 384;

/** What a driver found out about this machine. Part of a template's key: a snapshot fits only the same answer. */
export interface DriverCapabilities {
  /** Version of the monitor, as it says itself. */
  readonly version: string;
  readonly accelerator: Accelerator;
  /** Of everything else that a snapshot depends on: the monitor's build, its arguments, the machine's CPU. */
  readonly fingerprint: string;
  /** Why not KVM, for people; null when it is used. */
  readonly whyNotKvm: string | null;
}

/** The wire a VM plugs into: a TAP that exists already, in its namespace, owned by the VM's uid. */
export interface VmNetwork {
  /** Path of the network namespace, such as `/run/netns/NAME`. */
  readonly namespace: string;
  readonly tap: string;
  readonly macAddress: string;
}

/** A read-only disk. The guest sees them in this order. */
export interface VmDrive {
  readonly id: string;
  readonly path: string;
}

export interface VmSpec {
  /** `[a-z0-9-]{1,40}`; marks the process on the host. */
  readonly id: string;
  /** Everything of this VM on the host. Must not exist: the driver makes it and `stop` removes it. */
  readonly directory: string;
  /** The monitor runs as this user, which no other VM has. */
  readonly uid: number;
  readonly gid: number;
  /** The kernel may start with one of them; the guest's first process brings up the others. */
  readonly vcpus: number;
  /** MiB, since monitors and kernels count in powers of two. */
  readonly memoryMb: number;
  /** Uncompressed ELF with a PVH entry. */
  readonly kernel: string;
  readonly initrd: string;
  /** Words for the guest's kernel, besides those the driver needs itself. */
  readonly commandLine: string;
  readonly drives: readonly VmDrive[];
  readonly network: VmNetwork | null;
}

export interface BootSpec extends VmSpec {
  /**
   * Where `snapshot` will write; must exist. Named at boot, since a monitor may keep the guest's memory in
   * the snapshot's file from the start. Null: this VM will never be frozen.
   */
  readonly snapshotDirectory: string | null;
}

/** `frozen`: its snapshot is taken, so that it may never run again; it can be stopped. */
export type VmState = 'running' | 'paused' | 'frozen' | 'stopped';

export type VmExitReason =
  /** We asked for it. */
  | 'stopped'
  /** The guest's kernel reset or switched off the machine; a panic ends so. */
  | 'guest_reset'
  | 'guest_shutdown'
  /** The monitor was killed by a signal that was not ours. */
  | 'killed'
  /** The monitor gave up. */
  | 'crashed';

export interface VmExit {
  readonly reason: VmExitReason;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The monitor's own last words, oldest first. */
  readonly monitorTail: readonly string[];
  readonly consoleTail: readonly string[];
}

export interface StopOptions {
  /** Directory that exists; console and the monitor's log are moved there before the rest is removed. */
  readonly archiveTo?: string;
}

/** How the guest's memory can be read while the VM lives. */
export interface GuestMemory {
  /** Which of its memory lies where in what `open` opens. Bytes. */
  readonly parts: readonly {
    readonly guestAddress: number;
    readonly length: number;
    readonly address: number;
  }[];
  /**
   * A new descriptor, for reading alone, which the caller closes. It reaches all that the monitor has mapped, so whoever
   * gets it must keep to `parts`. Reads end short when the VM has ended.
   */
  open(): number;
}

/** A machine with running or paused CPUs. */
export interface Vm {
  readonly id: string;
  /** The monitor's process on the host. */
  readonly pid: number;
  readonly state: VmState;
  /** The guest's `/proc/cmdline` must equal this. */
  readonly commandLine: string;
  /** Everything the guest wrote to its console, from the first byte; bounded by the driver. */
  readonly consoleFile: string;
  /** Resolves once, when the monitor's process is gone; never rejects. */
  readonly exited: Promise<VmExit>;
  /** Resolves when the monitor answers, whatever its guest does; rejects when it ends first. */
  ping(): Promise<void>;
  /** Stops the CPUs. Harmless when they are stopped. */
  pause(): Promise<void>;
  /** Starts the CPUs. Harmless when they run. */
  resume(): Promise<void>;
  /** Of a paused VM that was booted with a `snapshotDirectory`; leaves it frozen. */
  snapshot(): Promise<void>;
  consoleTail(lines: number): Promise<readonly string[]>;
  /** Of a VM that was restored. Rejects with `memory_unreadable`. */
  memory(): Promise<GuestMemory>;
  /**
   * Ends the monitor and removes `directory`. At any moment, in any state, any number of times.
   * Rejects with `vm_leftovers` naming what could not be removed.
   */
  stop(options?: StopOptions): Promise<void>;
}

/** The code for one virtual machine monitor. */
export interface Driver {
  readonly name: string;
  /** Rejects when VMs cannot run here at all, naming what is missing. Cached until the monitor's program changes. */
  probe(kernel: string): Promise<DriverCapabilities>;
  /** Resolves when the CPUs run. Rejects naming what is missing, leaving nothing behind. */
  boot(spec: BootSpec): Promise<Vm>;
  /**
   * A VM continued from a snapshot, paused: `resume` starts it. The spec must equal the one the snapshot
   * was made with but for identity, directory and namespace. The snapshot's files are never written to,
   * and any number of VMs may run from one.
   */
  restore(snapshotDirectory: string, spec: VmSpec): Promise<Vm>;
  /** Lets go of what is kept between the VMs of one snapshot; harmless while some of them still run. */
  forget(snapshotDirectory: string): Promise<void>;
  /** Lets go of what is kept between VMs. Running VMs are not touched. */
  close(): Promise<void>;
}
