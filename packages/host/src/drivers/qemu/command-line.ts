import type { Accelerator } from '../accelerator.ts';
import type { VmSpec } from '../driver.ts';
import { QEMU, type QemuVersion, translatesLockedPages } from './version.ts';

/** Room for the code that QEMU translates to, per VM, where nothing else is said. MiB; its own default is a whole GiB. */
export const TRANSLATION_MB = 256;

/** Descriptors of the monitor, by what is behind them. */
export interface Descriptors {
  readonly qmp: number;
  readonly console: number;
  readonly kernel: number;
  readonly initrd: number;
  readonly drives: readonly number[];
  readonly memory: number | null;
}

/**
 * All that can be emulated, as a CPU of Intel: there alone BoringSSL believes RDRAND to be fast and mixes it into
 * every draw, so that a Chromium that was cloned with a template does not repeat the keys of its siblings.
 * Five-level page tables would only make each walk longer. Without AVX2, of which QEMU 7.2 emulates masked loads
 * wrongly: they fault on memory that is masked out, and Chromium's graphics process died by that in desktops of some sizes.
 */
const EMULATED_CPU = 'max,vendor=GenuineIntel,la57=off,avx2=off';

/** How guest memory is backed. */
export type MemoryKind =
  /** Of this VM alone. */
  | 'private'
  /** The file becomes the snapshot's: what the guest writes goes to it. */
  | 'template'
  /** Copy on write; `readOnlyFile`: this QEMU can map a file it may not write. */
  | { readonly copyOf: 'sealed' | 'readOnlyFile' };

/** What the words for the guest's kernel depend on. */
export interface GuestMachine {
  readonly accelerator: Accelerator;
  /** Of the host's time stamp counter, kHz; null: not known. */
  readonly tscKhz: number | null;
  readonly qemu: Pick<QemuVersion, 'major' | 'minor'>;
}

/** Words for the guest's kernel that this machine needs. */
export function kernelCommandLine(
  spec: Pick<VmSpec, 'commandLine' | 'vcpus'>,
  { accelerator, tscKhz, qemu }: GuestMachine,
): string {
  const words = ['console=ttyS0', 'reboot=k', 'panic=-1'];
  if (accelerator === 'tcg') {
    // Measuring the clock against emulated timers is slow and wrong on a loaded host.
    if (tscKhz !== null) words.push(`tsc_early_khz=${tscKhz}`);
    // Emulated code does not run speculatively; the mitigations would only be emulated work.
    words.push('mitigations=off');
    // Neither does the emulated clock stray, nor does anybody read what pressure the guest is under: each look at these
    // wakes a guest at rest.
    words.push('tsc=nowatchdog', 'nowatchdog', 'psi=0');
    // The kernel rewrites its own code while it starts, and with two CPUs that ended in a panic (int3) once in some
    // hundred boots. The guest brings up the others when the kernel has started.
    if (spec.vcpus > 1 && !translatesLockedPages(qemu)) words.push('maxcpus=1', 'noreplace-smp');
  }
  return [...words, spec.commandLine].filter((word) => word !== '').join(' ');
}

export function qemuArguments(
  spec: VmSpec,
  options: {
    readonly accelerator: Accelerator;
    readonly commandLine: string;
    readonly memory: MemoryKind;
    readonly incoming: boolean;
    readonly descriptors: Descriptors;
    /** Room for translated code, MiB; of no consequence under KVM. */
    readonly translationMb: number;
  },
): string[] {
  const { descriptors, memory } = options;
  return [
    QEMU,
    ...['-name', `bvm-${spec.id}`, '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...machine(options.accelerator, options.translationMb),
    ...['-smp', String(spec.vcpus), '-m', `${spec.memoryMb}M`],
    ...(memory === 'private'
      ? []
      : ['-object', memoryObject(spec, memory, descriptors), '-machine', 'memory-backend=ram']),
    ...['-kernel', file(descriptors.kernel), '-initrd', file(descriptors.initrd)],
    ...['-append', options.commandLine],
    ...['-chardev', `file,id=console,path=${file(descriptors.console)},append=on`],
    ...['-serial', 'chardev:console'],
    ...['-chardev', `socket,id=qmp,fd=${descriptors.qmp}`, '-mon', 'chardev=qmp,mode=control'],
    ...(spec.network === null ? [] : network(spec.network)),
    ...spec.drives.flatMap((drive, index) => driveArguments(drive.id, descriptors.drives[index]!)),
    ...['-device', 'virtio-rng-device'],
    ...(options.incoming ? ['-S', '-incoming', 'defer'] : []),
  ];
}

/** The machine without its devices; also what the accelerator probe boots. */
export function machine(accelerator: Accelerator, translationMb = TRANSLATION_MB): string[] {
  return [
    ...['-machine', 'microvm,pic=off,pit=off,rtc=on,acpi=on,isa-serial=on,auto-kernel-cmdline=off'],
    // Virtio 1: what a driver of today expects.
    ...['-global', 'virtio-mmio.force-legacy=false'],
    ...(accelerator === 'kvm'
      ? ['-accel', 'kvm', '-cpu', 'host']
      : ['-accel', `tcg,thread=multi,tb-size=${translationMb}`, '-cpu', EMULATED_CPU]),
  ];
}

/** A descriptor as a path: the monitor reaches the file without reaching the directories it lies in. */
function file(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}

function memoryObject(
  spec: VmSpec,
  memory: Exclude<MemoryKind, 'private'>,
  { memory: descriptor }: Descriptors,
): string {
  const object = `memory-backend-file,id=ram,size=${spec.memoryMb}M,mem-path=${file(descriptor!)}`;
  if (memory === 'template') return `${object},share=on`;
  return memory.copyOf === 'sealed' ? `${object},share=off` : `${object},share=off,readonly=on,rom=off`;
}

function network({ tap, macAddress }: { readonly tap: string; readonly macAddress: string }): string[] {
  return [
    ...['-netdev', `tap,id=net,ifname=${tap},script=no,downscript=no`],
    ...['-device', `virtio-net-device,netdev=net,mac=${macAddress}`],
  ];
}

function driveArguments(id: string, descriptor: number): string[] {
  const node = `node-name=${id},read-only=on`;
  return [
    ...['-blockdev', `driver=file,filename=${file(descriptor)},locking=off,${node}`],
    ...['-device', `virtio-blk-device,drive=${id},id=disk-${id}`],
  ];
}
