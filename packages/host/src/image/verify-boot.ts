import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { BrowserVmError, configurationSchema, GUEST, type ImageManifest } from '@browser-vm/protocol';
import { isBlank, RfbClient } from '@browser-vm/rfb';
import { AgentClient, checkAgent } from '../agent-client/agent-client.ts';
import { COLD_BOOT_SILENCE, firstAnswer } from '../agent-client/cold-boot.ts';
import { createDriver } from '../drivers/index.ts';
import { reconcile } from '../reconcile/reconcile.ts';
import { markOf } from '../slot/names.ts';
import { createSlot } from '../slot/slot.ts';
import { PROBE_UID } from '../slot/users.ts';
import type { Image } from './open.ts';

/** Under emulation a browser has painted after some 20 s; on a loaded host it takes several times that. */
const TIMEOUT_MS = 600_000;
const PICTURE_TIMEOUT_MS = 60_000;
/** A guest that crashes or hangs under emulation may have met a fault of the emulation; one that always does has not. */
const ATTEMPTS = 3;
const VCPUS = 2;
/** Of the console, kept with a failure. */
const CONSOLE_LINES = 40;

export interface VerifyOptions {
  readonly stateDir: string;
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal;
  /** MiB; absent: the least the image says it runs with. */
  readonly memoryMb?: number;
}

/** Milliseconds since the guest's kernel started. */
export interface BootFigures {
  readonly agentReadyMs: number;
  readonly displayMs: number;
  readonly browserPaintedMs: number;
}

/** Where verification keeps a running VM; of this state directory alone. */
function runDirectory(stateDir: string): string {
  return path.join('/run', `browser-vm-image-${markOf(stateDir)}`);
}

/** Removes what a verification that was killed left running. */
export async function removeVerificationLeftovers(stateDir: string): Promise<void> {
  const runDir = runDirectory(stateDir);
  await reconcile({ runDir, mark: markOf(runDir), keep: new Set() });
  await rm(runDir, { recursive: true, force: true });
}

/**
 * Boots the image with its minimum of memory, and sees for itself, from outside: a network device with
 * the guest's address, the agent of this image, a display of the right size, a browser that has painted
 * on it. Throws `image_boot_failed` naming what was missing, with the last lines of the console, or
 * what slot and driver throw.
 */
export async function verifyImageByBoot(image: Image, options: VerifyOptions): Promise<BootFigures> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await bootOnce(image, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof BrowserVmError) || attempt === ATTEMPTS) throw error;
      const { crashed, silent } = error.fault.details ?? {};
      if (crashed !== true && silent !== true) throw error;
      options.progress(`${error.message}; trying again`);
    }
  }
}

async function bootOnce(image: Image, options: VerifyOptions): Promise<BootFigures> {
  const { stateDir, progress } = options;
  const { manifest, files } = image;
  const runDir = runDirectory(stateDir);
  const vms = path.join(runDir, 'vms');
  await mkdir(vms, { recursive: true, mode: 0o711 });
  const driver = createDriver('qemu', {
    accelerator: 'auto',
    probeCacheFile: path.join(stateDir, 'accelerator.json'),
    probeUid: PROBE_UID,
  });
  const subnet = configurationSchema.shape.BROWSER_VM_SLOT_SUBNET.parse(undefined);
  const slot = await createSlot({ mark: markOf(runDir), subnet });
  try {
    const memoryMb = options.memoryMb ?? manifest.minimumMemoryMb;
    progress(`booting it with ${memoryMb} MB`);
    const id = `image-${manifest.id}`;
    const vm = await driver.boot({
      id,
      directory: path.join(vms, id),
      uid: slot.vmUid,
      gid: slot.vmUid,
      vcpus: VCPUS,
      memoryMb,
      kernel: files.kernel,
      initrd: files.initrd,
      commandLine: '',
      drives: [
        { id: 'rootfs', path: files.rootfs },
        { id: 'providers', path: files.providers },
      ],
      network: slot.network,
      snapshotDirectory: null,
    });
    const died = new AbortController();
    void vm.exited.then(({ reason }) => died.abort(reason));
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const signals = [died.signal, timeout, ...(options.signal ? [options.signal] : [])];
    try {
      return await look(slot, vm.commandLine, manifest, AbortSignal.any(signals), progress);
    } catch (cause) {
      options.signal?.throwIfAborted();
      const consoleTail = await vm.consoleTail(CONSOLE_LINES);
      const why = died.signal.aborted
        ? `the guest ended (${died.signal.reason}): ${consoleTail.findLast((line) => line.startsWith('browser-vm:')) ?? consoleTail.at(-1) ?? 'no word on its console'}`
        : timeout.aborted
          ? `not there within ${TIMEOUT_MS / 1000} s`
          : cause instanceof Error
            ? cause.message
            : String(cause);
      // A guest that switches itself off has said why and would do so again.
      const crashed = died.signal.aborted && died.signal.reason !== 'guest_shutdown';
      throw new BrowserVmError(
        {
          code: 'image_boot_failed',
          message: `image ${manifest.id} does not boot to a painted browser: ${why}`,
          hop: 'image',
          details: { crashed, silent: isSilence(cause), consoleTail },
        },
        { cause },
      );
    } finally {
      await vm.stop();
    }
  } finally {
    await slot.remove();
    await driver.close();
    await rm(runDir, { recursive: true, force: true });
  }
}

const isSilence = (error: unknown): boolean =>
  error instanceof BrowserVmError && error.code === 'agent_silent';

/** What an outsider sees of the guest. */
async function look(
  at: Pick<Awaited<ReturnType<typeof createSlot>>, 'agent' | 'vnc'>,
  commandLine: string,
  manifest: ImageManifest,
  signal: AbortSignal,
  progress: (line: string) => void,
): Promise<BootFigures> {
  const agent = new AgentClient(at.agent);
  const reached = new Map<string, number>();
  const following = new AbortController();
  try {
    // It answers only over the guest's network device, and says which address that has.
    const health = await firstAnswer(agent, { limitMs: COLD_BOOT_SILENCE, signal });
    checkAgent(health, { agentVersion: manifest.agentVersion, commandLine, address: GUEST.address });
    await agent.prepare({ caCertificates: [], display: GUEST.display, pictureInMemory: false }, signal);
    for await (const { event, elapsedMs } of agent.events(AbortSignal.any([signal, following.signal]))) {
      if (event.type === 'failed') throw new BrowserVmError(event.fault);
      if (event.type !== 'stage') continue;
      reached.set(event.stage, elapsedMs);
      progress(`${event.stage} after ${(elapsedMs / 1000).toFixed(1)} s`);
      if (event.stage === 'browser') break;
    }
    signal.throwIfAborted();
  } finally {
    following.abort();
    agent.close();
  }
  await checkPicture(at.vnc, signal);
  const stage = (name: string) => reached.get(name) ?? 0;
  return { agentReadyMs: stage('agent'), displayMs: stage('display'), browserPaintedMs: stage('browser') };
}

/** The agent's word is not enough: a window that exists may be white. */
async function checkPicture(vnc: { host: string; port: number }, signal: AbortSignal): Promise<void> {
  const client = await RfbClient.connect(vnc, { signal, timeoutMs: PICTURE_TIMEOUT_MS });
  try {
    const picture = await client.takePicture({ signal, timeoutMs: PICTURE_TIMEOUT_MS });
    const { width, height } = GUEST.display;
    if (picture.width !== width || picture.height !== height) {
      throw new Error(`its desktop is ${picture.width}x${picture.height}, not ${width}x${height}`);
    }
    if (isBlank(picture)) throw new Error('its desktop is blank although the agent calls it painted');
  } finally {
    client.close();
  }
}
