import { access, constants, readFile, statfs } from 'node:fs/promises';
import {
  BrowserVmError,
  type Check,
  type Configuration,
  type Hop,
  type HostCapacity,
  type TemplateUsage,
  toFault,
} from '@browser-vm/protocol';
import type { Driver } from '../drivers/driver.ts';
import type { Image } from '../image/index.ts';
import { checkedAt } from '../image/layers.ts';
import { checkMemory, checkNft, checkTun } from '../preflight.ts';
import { capacityOf } from '../slot/link.ts';
import { readMemory } from '../system/memory.ts';
import { run } from '../system/run.ts';
import type { Template } from '../template/template.ts';

/** Of free disk below which templates and logs may not fit. MB. */
const LEAST_DISK_MB = 4000;
const DAY = 86_400_000;
/** Chromium's security updates come every week or two. Days. */
const REFRESH_DAYS = 14;

export interface DoctorOptions {
  readonly configuration: Configuration;
  readonly driver: Driver;
  readonly openImage: () => Promise<Image>;
  readonly findTemplate: (image: Image) => Promise<Template | null>;
  readonly template: () => TemplateUsage;
  readonly capacity: () => Promise<HostCapacity>;
}

/** Everything a VM needs, checked one by one; a check that fails does not keep the others from running. */
export async function doctor(options: DoctorOptions): Promise<readonly Check[]> {
  const { configuration } = options;
  const image = options.openImage();
  /** For what can only be checked with one; the check of the image itself says what is wrong with it. */
  const usableImage = () =>
    image.catch((cause: unknown) => {
      const remedy = toFault(cause, 'image').remedy ?? 'see the check of the image';
      throw wrong('image', 'not checked: there is no usable image', remedy, cause);
    });
  return await Promise.all([
    check('privileges', 'host', root),
    check('TUN', 'slot', async () => {
      await checkTun();
      return '/dev/net/tun is there';
    }),
    program('iproute2', 'slot', 'ip', ['-V'], 'iproute2'),
    check('nftables', 'slot', async () => {
      await checkNft();
      return (await run('nft', ['--version'], { hop: 'slot' })).trim();
    }),
    program('util-linux', 'driver', 'setpriv', ['--version'], 'util-linux'),
    program('perl', 'driver', 'perl', ['-e', 'print "perl $^V"'], 'perl-base'),
    program('QEMU', 'driver', 'qemu-system-x86_64', ['--version'], 'qemu-system-x86'),
    check('slot subnet', 'configuration', async () => {
      const capacity = capacityOf(configuration.BROWSER_VM_SLOT_SUBNET);
      if (capacity < configuration.BROWSER_VM_MAX_VMS) {
        throw wrong(
          'configuration',
          `${configuration.BROWSER_VM_SLOT_SUBNET} has room for ${capacity} slots, BROWSER_VM_MAX_VMS is ${configuration.BROWSER_VM_MAX_VMS}`,
          'set BROWSER_VM_SLOT_SUBNET to a larger subnet, or lower BROWSER_VM_MAX_VMS',
        );
      }
      return `${configuration.BROWSER_VM_SLOT_SUBNET}, ${capacity} slots`;
    }),
    check('forwarding', 'egress', forwarding),
    check('image', 'image', async () => {
      const { directory, manifest } = await image;
      const { id, debian, agentVersion } = manifest;
      return `${id}, ${debian}, agent ${agentVersion}; ${ageOf(await checkedAt(directory))}`;
    }),
    check('memory', 'host', async () => {
      await checkMemory(configuration.BROWSER_VM_MEMORY_MB, await usableImage());
      return `${configuration.BROWSER_VM_MEMORY_MB} MB per VM`;
    }),
    check('accelerator', 'driver', async () => {
      const { accelerator, whyNotKvm, version } = await options.driver.probe(
        (await usableImage()).files.kernel,
      );
      return `${accelerator}${whyNotKvm === null ? '' : ` (no KVM: ${whyNotKvm})`}, ${options.driver.name} ${version}`;
    }),
    check('template', 'template', async () => {
      const { current, fault, making } = options.template();
      if (fault !== null) {
        throw wrong(
          'template',
          `a new template could not be made: ${fault.message}; sessions start from ${current?.key ?? 'none'}`,
          fault.remedy ?? 'see the log of the controller; it is tried again by itself',
        );
      }
      if (making !== null && current !== null) {
        return `${making.key} is being made (${making.progress}); until then sessions start from ${current.key}`;
      }
      const template = await options.findTemplate(await usableImage());
      return template === null ? 'none yet; made at the first start' : template.manifest.key;
    }),
    check('room for VMs', 'host', async () => {
      const { full, maxVms, perVmMb, roomForVms } = await options.capacity();
      const one = `one is expected to take ${perVmMb} MiB`;
      // A host that is full works as it should.
      return full === null
        ? `${roomForVms} more of at most ${maxVms}; ${one}`
        : `full for now: ${full.message}; ${one}`;
    }),
    check('swap space', 'host', async () => {
      const { swapFreeMb } = await readMemory();
      return swapFreeMb > 0
        ? `${swapFreeMb} MiB free; VMs in standby leave their memory to others`
        : 'none: VMs in standby keep their memory; compressed memory (zram-tools) would let them leave it to others';
    }),
    check('disk', 'host', () => disk(configuration.BROWSER_VM_STATE_DIR)),
  ]);
}

/** Security updates come with a refresh, which nobody does by itself. */
function ageOf(checked: Date | null): string {
  const days = checked === null ? null : Math.floor((Date.now() - checked.getTime()) / DAY);
  const when = days === null ? 'never' : days === 0 ? 'today' : days === 1 ? 'yesterday' : `${days} days ago`;
  const advice = days === null || days >= REFRESH_DAYS ? ': run `browser-vm image build --refresh`' : '';
  return `its packages were the newest ${when}${advice}`;
}

async function check(name: string, hop: Hop, find: () => Promise<string>): Promise<Check> {
  try {
    return { name, hop, ok: true, detail: await find() };
  } catch (error) {
    const fault = toFault(error, hop);
    return {
      name,
      hop: fault.hop,
      ok: false,
      detail: fault.message,
      ...(fault.remedy === undefined ? {} : { remedy: fault.remedy }),
    };
  }
}

function program(
  name: string,
  hop: Hop,
  command: string,
  argv: readonly string[],
  debianPackage: string,
): Promise<Check> {
  return check(name, hop, async () => (await run(command, argv, { hop })).split('\n')[0]?.trim() ?? '').then(
    (result) => (result.ok ? result : { ...result, remedy: `apt-get install ${debianPackage}` }),
  );
}

async function root(): Promise<string> {
  const status = await readFile('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const needed = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n, CAP_MKNOD: 27n, CAP_SETUID: 7n, CAP_SETGID: 6n };
  const missing = Object.entries(needed).filter(([, bit]) => ((effective >> bit) & 1n) === 0n);
  if (missing.length > 0) {
    throw wrong(
      'host',
      `user ${process.getuid?.()} lacks ${missing.map(([name]) => name).join(', ')}`,
      'run as root, for example with sudo',
    );
  }
  return `user ${process.getuid?.()}, all capabilities that slots and VMs need`;
}

async function forwarding(): Promise<string> {
  const path = '/proc/sys/net/ipv4/ip_forward';
  if ((await readFile(path, 'utf8')).trim() === '1') return 'IPv4 forwarding is on';
  await access(path, constants.W_OK).catch((cause: unknown) => {
    throw wrong(
      'egress',
      'IPv4 forwarding is off and cannot be switched on',
      'run `sysctl -w net.ipv4.ip_forward=1` as root',
      cause,
    );
  });
  return 'IPv4 forwarding is off; switched on with the first slot';
}

async function disk(directory: string): Promise<string> {
  const { bavail, bsize } = await statfs(directory).catch(() => statfs('/'));
  const freeMb = Math.round((bavail * bsize) / 1e6);
  if (freeMb < LEAST_DISK_MB) {
    throw wrong(
      'host',
      `${freeMb} MB free at ${directory}, ${LEAST_DISK_MB} needed`,
      'free some, lower BROWSER_VM_LOGS_MB or BROWSER_VM_KEEP_TEMPLATES, or set BROWSER_VM_STATE_DIR to a larger disk',
    );
  }
  return `${freeMb} MB free at ${directory}`;
}

function wrong(hop: Hop, message: string, remedy: string, cause?: unknown): BrowserVmError {
  return new BrowserVmError({ code: 'check_failed', message, hop, remedy }, { cause });
}
