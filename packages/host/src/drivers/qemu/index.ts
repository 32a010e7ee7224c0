import { closeSync, openSync } from 'node:fs';
import { mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BrowserVmError } from '@browser-vm/protocol';
import { z } from 'zod';
import { limitMemory, offerToOomKiller } from '../../system/cgroup.ts';
import {
  type BootSpec,
  type Driver,
  type DriverCapabilities,
  MONITOR_OVERHEAD_MB,
  type VmSpec,
} from '../driver.ts';
import { tscKhz } from '../tsc.ts';
import { checkSpec } from './check-spec.ts';
import { kernelCommandLine, type MemoryKind, qemuArguments, TRANSLATION_MB } from './command-line.ts';
import { fingerprint } from './fingerprint.ts';
import { FIRST_DESCRIPTOR, launch, QMP_DESCRIPTOR } from './launch.ts';
import { whyNotKvm } from './probe.ts';
import { createMemoryFile, loadState, memoryFile, type SnapshotTarget, stateFile } from './snapshot.ts';
import { SealedMemory } from './template-memory.ts';
import { mapsReadOnlyFiles, type QemuVersion, qemuProgram, qemuVersion } from './version.ts';
import { CONSOLE_FILE, MONITOR_LOG, QemuVm } from './vm.ts';

export interface QemuDriverOptions {
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  /** Where the answer of the KVM probe is kept; its directory is made. */
  readonly probeCacheFile: string;
  /** Added to the environment of each monitor, so that it can be told whose it is. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Of the memory groups of this controller's VMs; absent: one of this process. */
  readonly groupPrefix?: string;
  /** Room for code that was translated for want of KVM, of each VM. MiB; 256 when absent. */
  readonly translationMb?: number;
  /** The probe's guest runs as this user. */
  readonly probeUid: number;
}

/** What a snapshot says about itself, so that another QEMU or machine refuses it by name. */
const snapshotSchema = z.strictObject({
  driver: z.literal('qemu'),
  version: z.string(),
  accelerator: z.enum(['kvm', 'tcg']),
  vcpus: z.number(),
  memoryMb: z.number(),
  commandLine: z.string(),
});

interface Probed extends DriverCapabilities {
  readonly qemu: QemuVersion;
  readonly tscKhz: number | null;
}

export function createQemuDriver(options: QemuDriverOptions): Driver {
  const sealed = new SealedMemory();
  const { environment = {}, groupPrefix = `bvm-${process.pid}-`, translationMb = TRANSLATION_MB } = options;
  let probed: Promise<Probed> | null = null;
  let program = '';

  async function probe(kernel: string): Promise<Probed> {
    const now = await qemuProgram();
    if (now !== program) probed = null;
    program = now;
    probed ??= findOut(kernel, options).catch((error: unknown) => {
      probed = null;
      throw error;
    });
    return await probed;
  }

  return {
    name: 'qemu',

    async probe(kernel) {
      const { version, accelerator, whyNotKvm, fingerprint } = await probe(kernel);
      return { version, accelerator, whyNotKvm, fingerprint };
    },

    async boot(spec: BootSpec) {
      await checkSpec(spec);
      const probed = await probe(spec.kernel);
      const { accelerator, version } = probed;
      const commandLine = kernelCommandLine(spec, probed);
      let target: SnapshotTarget | null = null;
      if (spec.snapshotDirectory !== null) {
        target = { directory: spec.snapshotDirectory, uid: spec.uid, gid: spec.gid };
        await createMemoryFile(target, spec.memoryMb);
        const { vcpus, memoryMb } = spec;
        await writeFile(
          join(target.directory, 'snapshot.json'),
          JSON.stringify({ driver: 'qemu', version, accelerator, vcpus, memoryMb, commandLine }),
        );
      }
      const memory = target === null ? 'private' : 'template';
      const { vm } = await start(spec, {
        ...{ accelerator, commandLine, memory, target, environment },
        from: null,
        groupPrefix,
        // Booting is over sooner with room, and nothing of it stays.
        translationMb: TRANSLATION_MB,
      });
      try {
        await vm.connect();
        vm.started('running');
        return vm;
      } catch (error) {
        await vm.stop();
        throw error;
      }
    },

    async restore(snapshotDirectory, spec) {
      await checkSpec(spec);
      const { accelerator, qemu, version } = await probe(spec.kernel);
      const snapshot = await readSnapshot(snapshotDirectory);
      const differs = Object.entries({
        version,
        accelerator,
        vcpus: spec.vcpus,
        memoryMb: spec.memoryMb,
      }).find(([key, value]) => snapshot[key as keyof typeof snapshot] !== value);
      if (differs !== undefined) {
        const [what, here] = differs;
        throw new BrowserVmError({
          code: 'snapshot_mismatch',
          message: `${snapshotDirectory} was made with ${what} ${snapshot[what as keyof typeof snapshot]}, this is ${here}`,
          hop: 'template',
          remedy: 'make the template again',
        });
      }
      const path = memoryFile(snapshotDirectory);
      const readOnlyFile = mapsReadOnlyFiles(qemu);
      const memory = readOnlyFile ? openSync(path, 'r') : await sealed.descriptor(path);
      try {
        const { vm, stateDescriptor } = await start(spec, {
          environment,
          groupPrefix,
          translationMb,
          accelerator,
          commandLine: snapshot.commandLine,
          memory: { copyOf: readOnlyFile ? 'readOnlyFile' : 'sealed' },
          target: null,
          from: {
            memory,
            state: stateFile(snapshotDirectory),
          },
        });
        try {
          await vm.connect();
          await loadState(vm, stateDescriptor);
          return vm;
        } catch (error) {
          await vm.stop();
          throw error;
        }
      } finally {
        closeSync(memory);
      }
    },

    forget: (directory) => sealed.forget(memoryFile(directory)),

    close: () => sealed.close(),
  };
}

async function findOut(kernel: string, options: QemuDriverOptions): Promise<Probed> {
  const qemu = await qemuVersion();
  const why =
    options.accelerator === 'tcg'
      ? 'configured so'
      : await whyNotKvm({
          kernel,
          qemuVersion: qemu.text,
          uid: options.probeUid,
          cacheFile: options.probeCacheFile,
        });
  if (options.accelerator === 'kvm' && why !== null) {
    throw new BrowserVmError({
      code: 'kvm_unusable',
      message: `KVM cannot run a guest here: ${why}`,
      hop: 'driver',
      remedy: 'set BROWSER_VM_ACCELERATOR=auto to use emulation',
    });
  }
  const accelerator = why === null ? 'kvm' : 'tcg';
  const tsc = accelerator === 'tcg' ? await tscKhz() : null;
  return {
    fingerprint: await fingerprint({ accelerator, tscKhz: tsc, qemu }),
    qemu,
    version: qemu.text,
    accelerator,
    whyNotKvm: why,
    tscKhz: tsc,
  };
}

async function readSnapshot(directory: string): Promise<z.infer<typeof snapshotSchema>> {
  try {
    await Promise.all([stat(memoryFile(directory)), stat(stateFile(directory))]);
    return snapshotSchema.parse(JSON.parse(await readFile(join(directory, 'snapshot.json'), 'utf8')));
  } catch (error) {
    throw new BrowserVmError(
      {
        code: 'snapshot_missing',
        message: `${directory} holds no complete snapshot: ${(error as Error).message}`,
        hop: 'template',
        remedy: 'make the template again',
      },
      { cause: error },
    );
  }
}

/** Makes the VM's directory and starts QEMU in it, with every file it needs already open. */
async function start(
  spec: VmSpec,
  options: {
    readonly environment: Readonly<Record<string, string>>;
    readonly groupPrefix: string;
    readonly translationMb: number;
    readonly accelerator: 'kvm' | 'tcg';
    readonly commandLine: string;
    readonly memory: MemoryKind;
    readonly target: SnapshotTarget | null;
    readonly from: { readonly memory: number; readonly state: string } | null;
  },
): Promise<{ readonly vm: QemuVm; readonly stateDescriptor: number }> {
  // Root's, so that the VM's user cannot put a link where we read its console; it may only pass through.
  await mkdir(spec.directory, { mode: 0o711 });
  const opened = new Set<Awaited<ReturnType<typeof open>>>();
  const descriptors: number[] = [];
  const give = (descriptor: number): number => FIRST_DESCRIPTOR + descriptors.push(descriptor) - 1;
  const hand = async (path: string, flags = 'r', mode = 0o600): Promise<number> => {
    const file = await open(path, flags, mode);
    opened.add(file);
    return give(file.fd);
  };
  try {
    const log = await open(join(spec.directory, MONITOR_LOG), 'wx', 0o600);
    opened.add(log);
    const consoleFile = await open(join(spec.directory, CONSOLE_FILE), 'wx', 0o600);
    opened.add(consoleFile);
    await consoleFile.chown(spec.uid, spec.gid);
    const console = give(consoleFile.fd);
    const kernel = await hand(spec.kernel);
    const initrd = await hand(spec.initrd);
    const drives: number[] = [];
    for (const drive of spec.drives) drives.push(await hand(drive.path));
    let memory: number | null = null;
    if (options.target !== null) memory = await hand(memoryFile(options.target.directory), 'r+');
    else if (options.from !== null) memory = give(options.from.memory);
    const stateDescriptor = options.from === null ? -1 : await hand(options.from.state);

    const child = launch(
      qemuArguments(spec, {
        accelerator: options.accelerator,
        commandLine: options.commandLine,
        memory: options.memory,
        incoming: options.from !== null,
        translationMb: options.translationMb,
        descriptors: { qmp: QMP_DESCRIPTOR, console, kernel, initrd, drives, memory },
      }),
      {
        uid: spec.uid,
        gid: spec.gid,
        networkNamespace: spec.network?.namespace ?? null,
        kvm: options.accelerator === 'kvm',
        environment: options.environment,
        directory: spec.directory,
        log: log.fd,
        descriptors,
      },
    );
    const spawned = Promise.withResolvers<void>();
    child.once('spawn', spawned.resolve);
    child.once('error', spawned.reject);
    await spawned.promise;
    const pid = child.pid!;
    void offerToOomKiller(pid);
    const limitBytes = (spec.memoryMb + MONITOR_OVERHEAD_MB) * 1024 * 1024;
    const vm = new QemuVm(child, {
      group: limitMemory(`${options.groupPrefix}${spec.id}-monitor`, pid, limitBytes),
      id: spec.id,
      pid,
      directory: spec.directory,
      commandLine: options.commandLine,
      memoryMb: spec.memoryMb,
      snapshotTarget: options.target,
    });
    return { vm, stateDescriptor };
  } catch (error) {
    await rm(spec.directory, { recursive: true, force: true });
    throw error;
  } finally {
    for (const file of opened) await file.close();
  }
}
