import { open, stat } from 'node:fs/promises';
import { BrowserVmError, type Fault } from '@browser-vm/protocol';
import { readMemory } from '../../system/memory.ts';
import { run } from '../../system/run.ts';
import type { VmSpec } from '../driver.ts';

const ELF = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);
/** Below this no kernel gets far enough to say so. MiB. */
const LEAST_MEMORY_MB = 64;

/** Refuses what a monitor would answer late, vaguely, or by making it itself. Each error names the thing. */
export async function checkSpec(spec: VmSpec): Promise<void> {
  if (!/^[a-z0-9-]{1,40}$/.test(spec.id)) throw refused('bad_vm_id', `VM id ${JSON.stringify(spec.id)}`);
  if (spec.uid < 1 || spec.gid < 1) throw refused('privileged_vm', `VM ${spec.id} may not run as root`);
  await checkMemory(spec.memoryMb);
  await checkFile('kernel', spec.kernel);
  await checkFile('initrd', spec.initrd);
  await checkKernel(spec.kernel);
  for (const drive of spec.drives) await checkFile(`drive ${drive.id}`, drive.path);
  if (spec.network !== null) await checkTap(spec.network.namespace, spec.network.tap, spec.uid);
}

async function checkMemory(memoryMb: number): Promise<void> {
  if (memoryMb < LEAST_MEMORY_MB) {
    throw refused('too_little_memory', `${memoryMb} MB of memory: a VM needs at least ${LEAST_MEMORY_MB} MB`);
  }
  const { availableMb } = await readMemory();
  if (memoryMb > availableMb) {
    throw refused('not_enough_memory', `a VM of ${memoryMb} MB does not fit: ${availableMb} MB are free`);
  }
}

async function checkFile(what: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isFile()) {
    throw refused(`${what.split(' ')[0]}_missing`, `${what} ${path} does not exist`, 'build the image again');
  }
  if ((found.mode & 0o004) === 0) {
    throw refused('file_not_readable', `${what} ${path} must be readable by others: the VM's user opens it`);
  }
}

async function checkKernel(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    if (!buffer.equals(ELF))
      throw refused('kernel_not_elf', `kernel ${path} is not an uncompressed ELF file`);
  } finally {
    await file.close();
  }
}

async function checkTap(namespace: string, tap: string, uid: number): Promise<void> {
  if (
    !(await stat(namespace).then(
      () => true,
      () => false,
    ))
  ) {
    throw refused('namespace_missing', `network namespace ${namespace} does not exist`);
  }
  const owner = await run('nsenter', [`--net=${namespace}`, 'ip', '-d', '-o', 'link', 'show', 'dev', tap], {
    hop: 'slot',
  }).catch((error: unknown) => {
    throw refused('tap_missing', `TAP ${tap} does not exist in ${namespace}`, undefined, error);
  });
  if (!owner.includes(`user ${uid} `))
    throw refused('tap_of_another', `TAP ${tap} does not belong to user ${uid}`);
}

function refused(code: string, message: string, remedy?: string, cause?: unknown): BrowserVmError {
  const fault: Fault = { code, message, hop: 'driver', ...(remedy === undefined ? {} : { remedy }) };
  return new BrowserVmError(fault, { cause, status: 503 });
}
