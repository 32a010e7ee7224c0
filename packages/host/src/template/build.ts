import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AgentStage, BrowserVmError, type Framebuffer, GUEST } from '@browser-vm/protocol';
import { isBlank, type Picture, RfbClient } from '@browser-vm/rfb';
import { AgentClient, checkAgent } from '../agent-client/agent-client.ts';
import { COLD_BOOT_SILENCE, firstAnswer } from '../agent-client/cold-boot.ts';
import type { Driver, Vm } from '../drivers/driver.ts';
import type { Slot } from '../slot/slot.ts';
import { setShare } from '../system/priority.ts';
import { rest } from '../system/rest.ts';
import {
  buildingDirectory,
  finishTemplate,
  PICTURE_FILE,
  readTemplate,
  type Template,
  type TemplateInputs,
  templateKey,
} from './template.ts';

/** Booting and painting takes 20 to 40 s under emulation, more on a loaded host. Milliseconds. */
const BUILD_TIMEOUT = 600_000;
/** A browser that has just painted still works for a while; a template should be frozen at rest. */
const CALM = 3000;
const CALM_LIMIT = 90_000;
/** A boot in the background may get a small part of the CPUs, and is given so many times as long to say a word. */
const BACKGROUND_PATIENCE = 4;
/** Guests under emulation sometimes crash or hang while their kernel patches itself on two CPUs; see the driver. */
const ATTEMPTS = 3;
const WORTH_ANOTHER = ['guest_died', 'agent_silent'];

export interface BuildTemplateOptions extends TemplateInputs {
  readonly stateDir: string;
  readonly runDir: string;
  readonly takeSlot: () => Promise<Slot>;
  readonly driverCode: Driver;
  /** Beside sessions, which come first. */
  readonly background: boolean;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Boots the image, waits for a painted browser, freezes it. The caller holds the template lock. */
export async function buildTemplate(options: BuildTemplateOptions): Promise<Template> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptBuild(options);
    } catch (error) {
      options.signal.throwIfAborted();
      const again = error instanceof BrowserVmError && WORTH_ANOTHER.includes(error.code);
      if (!again || attempt === ATTEMPTS) throw error;
      options.progress(`${error.message}; trying again`);
    }
  }
}

async function attemptBuild(options: BuildTemplateOptions): Promise<Template> {
  const key = templateKey(options);
  const building = await buildingDirectory(options.stateDir, key);
  let slot: Slot | null = null;
  let vm: Vm | null = null;
  try {
    slot = await options.takeSlot();
    const started = performance.now();
    const { image } = options;
    vm = await options.driverCode.boot({
      id: `template-${key}`,
      directory: join(options.runDir, 'vms', `template-${key}-${process.pid}`),
      uid: slot.vmUid,
      gid: slot.vmUid,
      vcpus: options.vcpus,
      memoryMb: options.memoryMb,
      kernel: image.files.kernel,
      initrd: image.files.initrd,
      commandLine: options.commandLine,
      drives: [
        { id: 'rootfs', path: image.files.rootfs },
        { id: 'providers', path: image.files.providers },
      ],
      network: slot.network,
      snapshotDirectory: building,
    });
    const booted = vm;
    if (options.background) await setShare(vm.pid, 'background');
    const died = new AbortController();
    void vm.exited.then(({ reason }) => died.abort(reason));
    const signal = AbortSignal.any([options.signal, died.signal, AbortSignal.timeout(BUILD_TIMEOUT)]);
    try {
      const framebuffer = await paint(slot, booted, options, signal);
      const coldBootMs = Math.round(performance.now() - started);
      options.progress('waiting until the guest rests');
      await rest(booted.pid, { calmMs: CALM, limitMs: CALM_LIMIT, signal });
      const picture = await lastPicture(slot, signal);
      await writeFile(join(building, PICTURE_FILE), picture.pixels, { mode: 0o644 });
      options.progress('freezing');
      await booted.pause();
      await booted.snapshot();
      // The boot's console stays with the template: the consoles of its VMs begin where it ends.
      await booted.stop({ archiveTo: building });
      await finishTemplate(building, options.stateDir, {
        formatVersion: 1,
        key,
        imageId: image.manifest.id,
        agentVersion: image.manifest.agentVersion,
        driver: options.driver,
        driverVersion: options.capabilities.version,
        accelerator: options.capabilities.accelerator,
        vcpus: options.vcpus,
        memoryMb: options.memoryMb,
        commandLine: booted.commandLine,
        builtAt: new Date().toISOString(),
        coldBootMs,
        picture: { width: picture.width, height: picture.height },
        framebuffer,
      });
    } catch (error) {
      throw await explained(booted, died.signal, signal, error);
    }
  } finally {
    await vm?.stop();
    await slot?.remove();
    await rm(building, { recursive: true, force: true });
  }
  const template = await readTemplate(options.stateDir, key);
  if (template === null) throw new Error(`template ${key} was built and cannot be read`);
  return template;
}

/**
 * Resolves when the agent says that the browser has painted, with where the picture is in the guest's memory; null
 * when that cannot be told.
 */
async function paint(
  slot: Slot,
  vm: Vm,
  options: BuildTemplateOptions,
  signal: AbortSignal,
): Promise<Framebuffer | null> {
  const agent = new AgentClient(slot.agent);
  const following = new AbortController();
  try {
    const limitMs = COLD_BOOT_SILENCE * (options.background ? BACKGROUND_PATIENCE : 1);
    const health = await firstAnswer(agent, { limitMs, signal });
    checkAgent(health, {
      agentVersion: options.image.manifest.agentVersion,
      commandLine: vm.commandLine,
      address: GUEST.address,
    });
    const { caCertificates, pictureInMemory } = options;
    await agent.prepare(
      { caCertificates: [...caCertificates], display: GUEST.display, pictureInMemory },
      signal,
    );
    for await (const { event, elapsedMs } of agent.events(AbortSignal.any([signal, following.signal]))) {
      if (event.type === 'failed') throw new BrowserVmError(event.fault);
      if (event.type !== 'stage') continue;
      options.progress(`${describe(event.stage)} after ${(elapsedMs / 1000).toFixed(1)} s`);
      if (event.stage === 'browser') break;
    }
    signal.throwIfAborted();
    if (!pictureInMemory) return null;
    return await agent.framebuffer(GUEST.display, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      options.progress(`the picture is had by VNC alone: ${(error as Error).message}`);
      return null;
    });
  } finally {
    // No connection of ours may be frozen into the template.
    following.abort();
    agent.close();
  }
}

function describe(stage: AgentStage): string {
  return {
    kernel: 'kernel up',
    network: 'network up',
    agent: 'agent up',
    display: 'display up',
    browser: 'browser painted',
  }[stage];
}

async function lastPicture(slot: Slot, signal: AbortSignal): Promise<Picture> {
  const client = await RfbClient.connect(slot.vnc, { signal, timeoutMs: 30_000 });
  try {
    const picture = await client.takePicture({ signal, timeoutMs: 30_000 });
    const { width, height } = GUEST.display;
    if (picture.width !== width || picture.height !== height) {
      throw refused(`the desktop is ${picture.width}x${picture.height}, not ${width}x${height}`);
    }
    if (isBlank(picture)) throw refused('the desktop is blank: the browser has not painted');
    return picture;
  } finally {
    client.close();
  }
}

async function explained(vm: Vm, died: AbortSignal, all: AbortSignal, error: unknown): Promise<unknown> {
  if (died.aborted) {
    const exit = await vm.exited;
    return new BrowserVmError(
      {
        code: 'guest_died',
        message: `the guest ended while the template was made (${exit.reason}): ${exit.consoleTail.at(-1) ?? 'no console output'}`,
        hop: 'template',
        details: { consoleTail: exit.consoleTail, monitorTail: exit.monitorTail },
      },
      { cause: error },
    );
  }
  if (error instanceof BrowserVmError && error.code === 'agent_silent') {
    const consoleTail = await vm.consoleTail(30);
    const said = consoleTail.at(-1) ?? 'no console output';
    return new BrowserVmError(
      {
        code: error.code,
        message: `${error.message} while the template was made: ${said}`,
        hop: 'template',
        details: { consoleTail },
      },
      { cause: error },
    );
  }
  if (!all.aborted || error instanceof BrowserVmError) return error;
  return new BrowserVmError(
    {
      code: 'template_timeout',
      message: `no painted browser within ${BUILD_TIMEOUT / 1000} s`,
      hop: 'template',
      details: { consoleTail: await vm.consoleTail(30) },
    },
    { cause: error },
  );
}

function refused(message: string): BrowserVmError {
  return new BrowserVmError({ code: 'template_refused', message, hop: 'template', remedy: 'try again' });
}
