import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import {
  BrowserVmError,
  type Configuration,
  GUEST,
  type Host,
  type HostCapacity,
  type HostUsage,
  type VmRequest,
} from '@browser-vm/protocol';
import { AdmissionControl } from './admission/admission.ts';
import { boundsOf } from './admission/bounds.ts';
import { uniqueMemoryMb } from './admission/kernel-figures.ts';
import { doctor } from './doctor/doctor.ts';
import type { Driver, Vm } from './drivers/driver.ts';
import { createDriver } from './drivers/index.ts';
import { type AgentBundle, bundleAgent, type Image, openImage } from './image/index.ts';
import { pruneLogs } from './logs/prune.ts';
import { Pool } from './pool/pool.ts';
import type { Prepared } from './pool/prepared.ts';
import { preflight } from './preflight.ts';
import { reconcile } from './reconcile/reconcile.ts';
import { rehearse } from './rehearsal/rehearsal.ts';
import { resolverConfiguration } from './resolver/configuration.ts';
import { Resolver } from './resolver/resolver-process.ts';
import { PictureInMemory } from './session-vm/picture-in-memory.ts';
import { HostSessionVm } from './session-vm/session-vm.ts';
import { groupPrefixOf, MARK_VARIABLE, markOf } from './slot/names.ts';
import { createSlot, ownIndexes, type Slot } from './slot/slot.ts';
import { PROBE_UID } from './slot/users.ts';
import { StreamerProcess } from './streamer-process/streamer-process.ts';
import { diskUsageMb } from './system/disk-usage.ts';
import { readMemory } from './system/memory.ts';
import { buildTemplate } from './template/build.ts';
import { TemplateKeeper, type TemplateUse } from './template/keeper.ts';
import {
  type RunnableTemplate,
  readTemplate,
  type TemplateInputs,
  templateKey,
} from './template/template.ts';

/** What this needs of a logger; pino's fit. */
export interface HostLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface HostOptions {
  readonly configuration: Configuration;
  readonly repositoryRoot: string;
  readonly logger: HostLogger;
}

/** Least time between two pictures of one stream: 40 a second. Milliseconds. */
const MIN_FRAME_INTERVAL = 25;

/** A machine that runs VMs: this one. */
export async function createHost({ configuration, logger, repositoryRoot }: HostOptions): Promise<Host> {
  const stateDir = configuration.BROWSER_VM_STATE_DIR;
  const runDir = configuration.BROWSER_VM_RUN_DIR;
  const subnet = configuration.BROWSER_VM_SLOT_SUBNET;
  const mark = markOf(runDir);
  const environment = { [MARK_VARIABLE]: mark };
  const driver: Driver = createDriver(configuration.BROWSER_VM_DRIVER, {
    accelerator: configuration.BROWSER_VM_ACCELERATOR,
    probeCacheFile: join(stateDir, 'accelerator.json'),
    probeUid: PROBE_UID,
    translationMb: configuration.BROWSER_VM_TRANSLATION_MB,
    groupPrefix: groupPrefixOf(mark),
    environment,
  });
  const resolver = new Resolver(await resolverConfiguration(configuration), environment, (message) =>
    logger.warn({}, message),
  );
  const admission = new AdmissionControl({ configuration, mark });
  const vms = new Map<string, HostSessionVm>();
  let closed = false;
  let pruning: Promise<void> | null = null;

  /** With the agent of this very controller in it; another is refused by name. */
  let ownAgent: Promise<AgentBundle> | null = null;
  async function openNewest(): Promise<Image> {
    ownAgent ??= bundleAgent(repositoryRoot);
    const { version } = await ownAgent;
    return await openImage({ stateDir, agentVersion: version });
  }

  /** A slot whose guest is answered when it asks for a name. */
  async function takeSlot(): Promise<Slot> {
    const slot = await createSlot({ mark, subnet });
    try {
      await resolver.listen(slot.link.host);
    } catch (error) {
      await slot.remove();
      throw error;
    }
    return {
      ...slot,
      async remove() {
        await resolver.unlisten(slot.link.host);
        await slot.remove();
      },
    };
  }

  const streamerSettings = {
    udpPortRange: portRange(configuration.BROWSER_VM_UDP_PORTS),
    announcedAddresses: [...configuration.BROWSER_VM_ANNOUNCED_ADDRESSES],
    hiddenSubnets: [configuration.BROWSER_VM_SLOT_SUBNET],
    offeredSubnets: subnetsOf(configuration.BROWSER_VM_MEDIA_ADDRESSES),
    iceTcp: configuration.BROWSER_VM_ICE_TCP,
    maxKbps: configuration.BROWSER_VM_MAX_KBPS,
    clipboard: configuration.BROWSER_VM_CLIPBOARD,
    ...(configuration.BROWSER_VM_AUDIO ? { soundPort: GUEST.sound.port } : {}),
    minFrameIntervalMs: MIN_FRAME_INTERVAL,
  };

  async function makeStreamer(
    slot: Slot,
    vmId: string,
    { template }: RunnableTemplate,
  ): Promise<StreamerProcess> {
    return await StreamerProcess.start({
      uid: slot.streamerUid,
      gid: slot.streamerUid,
      environment,
      groupName: `${groupPrefixOf(mark)}${vmId}`,
      firstPicture: { path: template.picture, ...template.manifest.picture },
      configure: { iceServers: [], ...streamerSettings },
    });
  }

  async function restore(slot: Slot, vmId: string, { image, template }: RunnableTemplate): Promise<Vm> {
    return await driver.restore(template.directory, {
      id: vmId,
      directory: join(runDir, 'vms', vmId),
      uid: slot.vmUid,
      gid: slot.vmUid,
      vcpus: template.manifest.vcpus,
      memoryMb: template.manifest.memoryMb,
      kernel: image.files.kernel,
      initrd: image.files.initrd,
      commandLine: '',
      drives: [
        { id: 'rootfs', path: image.files.rootfs },
        { id: 'providers', path: image.files.providers },
      ],
      network: slot.network,
    });
  }

  /** Null where it comes by VNC. */
  function makePicture(slot: Slot, { template }: RunnableTemplate): PictureInMemory | null {
    const { framebuffer } = template.manifest;
    if (configuration.BROWSER_VM_PICTURE_SOURCE === 'rfb' || framebuffer === null) return null;
    return new PictureInMemory({ framebuffer, uid: slot.readerUid, environment });
  }

  const pool = new Pool({
    wanted: {
      slots: configuration.BROWSER_VM_POOL_SLOTS,
      streamers: configuration.BROWSER_VM_POOL_STREAMERS,
      warm: configuration.BROWSER_VM_WARM,
    },
    makeSlot: takeSlot,
    makeStreamer,
    restore,
    makePicture,
    hasRoom: () => admission.hasSpareMemory(),
    async rehearse(slot, vm, signal) {
      try {
        await vm.resume();
        await rehearse(slot, vm.pid, signal);
      } finally {
        await vm.pause();
      }
    },
    warn: (message, error) => logger.warn({ err: error }, message),
    log: (message, details) => logger.info(details, message),
  });

  async function inputs(image: Image): Promise<TemplateInputs> {
    const file = configuration.BROWSER_VM_CA_CERTIFICATES;
    const certificates = file === undefined ? '' : await readCertificates(file);
    return {
      image,
      driver: driver.name,
      capabilities: await driver.probe(image.files.kernel),
      vcpus: configuration.BROWSER_VM_VCPU,
      memoryMb: configuration.BROWSER_VM_MEMORY_MB,
      commandLine: '',
      caCertificates: certificates.trim() === '' ? [] : [certificates],
      pictureInMemory: configuration.BROWSER_VM_PICTURE_SOURCE === 'auto',
    };
  }

  const keeper = new TemplateKeeper({
    stateDir,
    keep: configuration.BROWSER_VM_KEEP_TEMPLATES,
    inputs: async () => await inputs(await openNewest().catch(restartForNewer)),
    ready: ({ image }) => preflight(configuration, image),
    async build({ wanted, ...how }) {
      await resolver.start();
      await mkdir(join(runDir, 'vms'), { recursive: true, mode: 0o711 });
      // What it takes is not there for a session meanwhile.
      const place = how.background ? admission.reserve() : null;
      try {
        return await buildTemplate({ ...wanted, ...how, stateDir, runDir, takeSlot, driverCode: driver });
      } finally {
        place?.release();
      }
    },
    async onCurrent(runnable) {
      const bounds = await boundsOf(runnable.template);
      pool.use(runnable);
      admission.expect(runnable.template.manifest.key, bounds);
    },
    onRetired: ({ directory }) => driver.forget(directory),
    log: (details, message) =>
      'err' in details ? logger.warn(details, message) : logger.info(details, message),
  });

  /** A newer image than this controller's agent is no fault of the image. */
  function restartForNewer(error: unknown): never {
    const running = keeper.current !== null;
    if (!(error instanceof BrowserVmError) || error.code !== 'image_version_mismatch' || !running)
      throw error;
    const remedy = 'restart the controller, or build the image from the version that runs';
    throw new BrowserVmError({ ...error.fault, remedy }, { cause: error });
  }

  /**
   * Another monitor than the one that made a template cannot resume it, nor can any when its image is gone.
   * An image that is not what it was is refused by name.
   */
  async function isResumable({ image, template }: RunnableTemplate): Promise<boolean> {
    try {
      await openImage({ stateDir, id: image.manifest.id });
    } catch (error) {
      if (error instanceof BrowserVmError && error.code === 'image_missing') return false;
      throw error;
    }
    const { accelerator, version } = await driver.probe(image.files.kernel);
    return version === template.manifest.driverVersion && accelerator === template.manifest.accelerator;
  }

  /** Also before anything was prepared, when what stands there is a template of this configuration. */
  async function expectedCapacity(): Promise<HostCapacity> {
    if (keeper.current === null) {
      const found = await openNewest()
        .then(async (image) => readTemplate(stateDir, templateKey(await inputs(image))))
        .catch(() => null);
      if (found !== null) admission.expect(found.manifest.key, await boundsOf(found));
    }
    return await admission.capacity();
  }

  /** In the background, one at a time. */
  function boundLogs(): void {
    const keep = new Set([...vms.values()].map(({ sessionId }) => sessionId));
    const limits = {
      maxMb: configuration.BROWSER_VM_LOGS_MB,
      maxSessions: configuration.BROWSER_VM_LOGS_SESSIONS,
    };
    pruning ??= pruneLogs(join(stateDir, 'logs'), { ...limits, keep })
      .catch((error: unknown) => logger.warn({ err: error }, 'old logs could not be removed'))
      .then(() => {
        pruning = null;
      });
  }

  async function startVm(request: VmRequest, runnable: TemplateUse): Promise<HostSessionVm> {
    const release = pool.hold();
    const prepared = await pool.take(runnable);
    if (closed) {
      release();
      await prepared?.remove();
      throw refused('host_closed', 'this host is shutting down');
    }
    const vmId = prepared?.vmId ?? `vm-${randomBytes(6).toString('hex')}`;
    logger.info({ sessionId: request.sessionId, vmId, ...madeAhead(prepared) }, 'VM starts');
    const vm = HostSessionVm.start({
      vmId,
      request,
      driver: driver.name,
      image: runnable.image,
      template: runnable.template,
      runDir,
      logDirectory: join(stateDir, 'logs', request.sessionId),
      prepared,
      makeSlot: takeSlot,
      makeStreamer: (slot) => makeStreamer(slot, vmId, runnable),
      restore: (slot) => restore(slot, vmId, runnable),
      streamer: streamerSettings,
      makePicture: (slot) => makePicture(slot, runnable),
      standbyAfterMs: configuration.BROWSER_VM_STANDBY_SECONDS * 1000,
      log: (message, details) => logger.info(details, message),
      onSettled: () => {
        release();
        runnable.settled();
      },
      onOpened: () => admission.started(vmId),
      onGone: () => {
        vms.delete(vmId);
        runnable.release();
        admission.gone(vmId);
        boundLogs();
      },
    });
    vms.set(vmId, vm);
    return vm;
  }

  return {
    doctor: () =>
      doctor({
        configuration,
        driver,
        openImage: openNewest,
        findTemplate: async (image) => readTemplate(stateDir, templateKey(await inputs(image))),
        template: () => keeper.usage,
        capacity: expectedCapacity,
      }),

    async prepare(progress, signal) {
      await mkdir(join(runDir, 'vms'), { recursive: true, mode: 0o711 });
      await keeper.prepare(progress, signal);
      await resolver.start();
      boundLogs();
      await pool.fill();
    },

    async admit(signal) {
      if (closed) throw refused('host_closed', 'this host is shutting down');
      return await admission.admit(signal);
    },

    async start(request: VmRequest) {
      let place = request.place;
      try {
        if (closed) throw refused('host_closed', 'this host is shutting down');
        await mkdir(join(runDir, 'vms'), { recursive: true, mode: 0o711 });
        const runnable = await keeper.use(isResumable);
        try {
          await preflight(configuration, runnable.image);
          await resolver.start();
          place ??= await admission.take();
          const vm = await startVm(request, runnable);
          admission.fill(place, vm);
          return vm;
        } catch (error) {
          runnable.release();
          throw error;
        }
      } catch (error) {
        place?.release();
        throw error;
      }
    },

    async usage(): Promise<HostUsage> {
      const room = (name: string) => diskUsageMb(join(stateDir, name));
      const [capacity, slots, { availableMb }, poolMb, images, templates, logs] = await Promise.all([
        admission.capacity(),
        ownIndexes(mark),
        readMemory(),
        uniqueMemoryMb(pool.processes),
        room('images'),
        room('templates'),
        room('logs'),
      ]);
      const streamers = [...vms.values()].filter((vm) => vm.hasStreamer).length;
      return {
        vms: vms.size,
        standby: [...vms.values()].filter((vm) => vm.isInStandby).length,
        slots: slots.length,
        streamers: streamers + pool.counts.streamers,
        pool: { ...pool.counts, memoryMb: Math.round(poolMb) },
        freeMemoryMb: availableMb,
        diskMb: { images, templates, logs },
        capacity,
        template: keeper.usage,
      };
    },

    reconcile: () =>
      reconcile({ runDir, mark, keep: new Set([...vms.keys(), ...pool.vmIds, ...keeper.buildingIds]) }),

    async close() {
      closed = true;
      admission.close();
      const stopping = [...vms.values()].map((vm) => vm.stop());
      const results = await Promise.allSettled([pool.close(), keeper.close(), ...stopping]);
      await pruning;
      await driver.close();
      await resolver.close();
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    },
  };
}

/** How much of a start was there already. */
function madeAhead(prepared: Prepared | null) {
  const { rehearsed, streamer, vm } = prepared ?? { rehearsed: false, streamer: null, vm: null };
  return { slot: prepared !== null, streamer: streamer !== null, vm: vm !== null, rehearsed };
}

function portRange(text: string | undefined): { min: number; max: number } | null {
  if (text === undefined) return null;
  const [min, max] = text.split('-').map(Number);
  return { min: min!, max: max! };
}

async function readCertificates(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((error: unknown) => {
    throw new BrowserVmError(
      {
        code: 'certificates_unreadable',
        message: `BROWSER_VM_CA_CERTIFICATES ${file} cannot be read: ${(error as Error).message}`,
        hop: 'configuration',
        remedy: 'make it readable, or unset BROWSER_VM_CA_CERTIFICATES',
      },
      { cause: error },
    );
  });
}

function refused(code: string, message: string, remedy?: string): BrowserVmError {
  return new BrowserVmError(
    { code, message, hop: 'host', ...(remedy === undefined ? {} : { remedy }) },
    { status: 503 },
  );
}

/** Each address as a subnet of its own; null without any. */
function subnetsOf(addresses: readonly string[]): string[] | null {
  return addresses.length === 0
    ? null
    : addresses.map((address) => `${address}/${isIPv6(address) ? 128 : 32}`);
}
