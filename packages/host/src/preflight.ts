import { stat } from 'node:fs/promises';
import { BrowserVmError, type Configuration } from '@browser-vm/protocol';
import type { Image } from './image/index.ts';
import { readMemory } from './system/memory.ts';
import { run } from './system/run.ts';

/** Of the host, on top of what the VMs are configured to have at most. MiB. */
const HEADROOM_MB = 128;

let nftWorked = false;

/** Refuses before boot, with one line that names the thing and what to do about it. */
export async function preflight(configuration: Configuration, image: Image): Promise<void> {
  await checkTun();
  // A kernel that could does not unlearn it, and asking takes a process at each start.
  if (!nftWorked) await checkNft();
  nftWorked = true;
  await checkMemory(configuration.BROWSER_VM_MEMORY_MB, image);
}

export async function checkTun(path = '/dev/net/tun'): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found?.isCharacterDevice() === true) return;
  throw refused('tun_missing', `${path} does not exist: VMs get no network`, 'slot', 'modprobe tun');
}

export async function checkNft(): Promise<void> {
  try {
    await run('nft', ['--check', '-f', '-'], { hop: 'slot', input: 'table ip bvm_check {}\n' });
  } catch (error) {
    throw refused(
      'nft_unusable',
      `nftables cannot be used: ${(error as Error).message.split('\n')[0]}`,
      'slot',
      'apt-get install nftables, and run as root on a kernel with nf_tables',
      error,
    );
  }
}

export async function checkMemory(configuredMb: number, image: Image): Promise<void> {
  const { minimumMemoryMb, id } = image.manifest;
  if (configuredMb < minimumMemoryMb) {
    throw refused(
      'too_little_memory',
      `VMs are configured with ${configuredMb} MB, image ${id} needs at least ${minimumMemoryMb} MB`,
      'image',
      `set BROWSER_VM_MEMORY_MB to ${minimumMemoryMb} or more`,
    );
  }
  const { availableMb } = await readMemory();
  if (availableMb < configuredMb + HEADROOM_MB) {
    throw refused(
      'not_enough_memory',
      `a VM needs ${configuredMb} MB, ${availableMb} MB are free on this host`,
      'host',
      'end other sessions, or add memory',
    );
  }
}

function refused(
  code: string,
  message: string,
  hop: 'slot' | 'image' | 'host',
  remedy: string,
  cause?: unknown,
): BrowserVmError {
  return new BrowserVmError({ code, message, hop, remedy }, { status: 503, cause });
}
