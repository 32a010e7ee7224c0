import type { FullReason } from '@browser-vm/protocol';

/** What was measured at one moment. Memory in MiB. */
export interface Measured {
  readonly availableMb: number;
  readonly swapFreeMb: number;
  /** Never given away: room for one VM to grow to its bound while the others grow as expected. */
  readonly reserveMb: number;
  /** What one VM of the current template is expected to take at its largest. */
  readonly expectedMb: number;
  /** Unique memory of each VM that lives or has a place; 0 for one that has not been measured yet. */
  readonly vmsMb: readonly number[];
  /** Of these, the VMs in standby: once awake they take again what they took before, which went to swap space. */
  readonly standbyMb: readonly number[];
  readonly maxVms: number;
  /** Of the configured subnet, and those that other controllers of this host hold. */
  readonly slots: { readonly capacity: number; readonly foreign: number };
  readonly cores: number;
  /** Runnable tasks, averaged over a minute. */
  readonly load: number;
  readonly maxLoadPerCore: number;
  /** Share of the last 10 s in which something waited for a CPU, percent; null where the kernel does not say. */
  readonly cpuPressure: number | null;
  /** Share of the last 10 s in which everything waited for memory, percent; null as above. */
  readonly memoryPressure: number | null;
}

export interface Refusal {
  readonly reason: FullReason;
  readonly message: string;
  readonly remedy: string;
}

/** A load that comes from waiting for disks leaves CPUs idle: the kernel's own figure must agree. Percent. */
const BUSY_CPU_PRESSURE = 80;
/** Beyond this the machine spends its time on finding memory, whatever it says is available. Percent. */
const BUSY_MEMORY_PRESSURE = 10;

/** Null when one more VM may start; otherwise what is full, the hardest limit first. */
export function decide(measured: Measured): Refusal | null {
  const { cores, cpuPressure, load, maxLoadPerCore, maxVms, memoryPressure, slots, vmsMb } = measured;
  const count = vmsMb.length;
  if (count >= maxVms) {
    return {
      reason: 'count',
      message: `all ${maxVms} VMs of this host are in use`,
      remedy: 'wait for a session to end, or raise BROWSER_VM_MAX_VMS',
    };
  }
  if (count + slots.foreign >= slots.capacity) {
    return {
      reason: 'slots',
      message: `all ${slots.capacity} slots of this host are taken`,
      remedy: 'wait for a session to end, or set BROWSER_VM_SLOT_SUBNET to a larger subnet',
    };
  }
  if (roomInMemory(measured) < 1) {
    return {
      reason: 'memory',
      message:
        `one more VM is expected to take ${Math.round(measured.expectedMb)} MiB; of ${Math.round(measured.availableMb)} MiB available, ` +
        `${Math.round(growthMb(measured))} are promised to ${count} VMs and ${Math.round(measured.reserveMb)} held back`,
      remedy:
        count > 0
          ? 'wait for a session to end, or add memory'
          : 'end other programs, lower BROWSER_VM_MEMORY_MB, or add memory',
    };
  }
  if (memoryPressure !== null && memoryPressure > BUSY_MEMORY_PRESSURE) {
    return {
      reason: 'memory',
      message: `this host waited for memory during ${Math.round(memoryPressure)} % of the last 10 s`,
      remedy: 'wait for a session to end, or add memory',
    };
  }
  // The first VM starts on a busy machine too: nothing that ends here would make it less busy.
  const busy = load / cores > maxLoadPerCore && (cpuPressure === null || cpuPressure > BUSY_CPU_PRESSURE);
  if (busy && count > 0) {
    return {
      reason: 'cpu',
      message: `the load is ${(load / cores).toFixed(1)} per core, the limit ${maxLoadPerCore}`,
      remedy: 'wait for a session to end, add CPUs, or raise BROWSER_VM_MAX_LOAD',
    };
  }
  return null;
}

/** VMs that would still fit, by memory, count and slots. */
export function room(measured: Measured): number {
  const count = measured.vmsMb.length;
  const { capacity, foreign } = measured.slots;
  return Math.max(0, Math.min(measured.maxVms - count, capacity - foreign - count, roomInMemory(measured)));
}

/** Of free swap space: what is kept there compressed takes memory too, up to half of its size. */
const SWAP_SHARE = 0.5;

/** VMs that would still fit into memory. */
export function roomInMemory(measured: Measured): number {
  const free = measured.availableMb - measured.reserveMb - growthMb(measured);
  return Math.floor(free / measured.expectedMb);
}

/**
 * What the VMs that run may still take: a burst of starts must not be judged by what is free now. It is promised
 * swap space first: when they do take it, what VMs at rest do not touch goes there. Those in standby have taken it.
 */
function growthMb({ expectedMb, standbyMb, swapFreeMb, vmsMb }: Measured): number {
  const missing = (sizes: readonly number[]) =>
    sizes.reduce((sum, uniqueMb) => sum + Math.max(0, expectedMb - uniqueMb), 0);
  return Math.max(0, missing(vmsMb) - missing(standbyMb) - SWAP_SHARE * swapFreeMb);
}
