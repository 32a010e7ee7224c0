import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { BrowserVmError } from '@browser-vm/protocol';

const run = promisify(execFile);

/** Debian packages that setting up and running VMs needs, each with what it is for. */
export const HOST_PACKAGES: Readonly<Record<string, string>> = {
  'qemu-system-x86': 'the virtual machine monitor',
  mmdebstrap: 'builds the root filesystem of the image',
  'debian-archive-keyring': 'verifies what the image is built from',
  'erofs-utils': 'packs the root filesystem',
  libyuv0: 'converts pixels for the video encoder',
  'vpx-tools': 'brings libvpx, the video encoder, whose own package has another name in each Debian',
  libopus0: 'the encoder of sound, for BROWSER_VM_AUDIO',
  nftables: 'firewall rules of a slot',
  iproute2: 'network namespaces of slots',
  'util-linux': 'drops privileges of monitor and streamer',
};

/** What the tests need besides: a viewer's browser, a VNC server, a database server. */
export const TEST_PACKAGES: Readonly<Record<string, string>> = {
  chromium: "the viewer's browser in tests",
  'firefox-esr': 'a second browser in tests',
  'tigervnc-standalone-server': 'a VNC server for tests of the streamer',
  openbox: 'a window manager for tests of the agent',
  xterm: 'types into the display of the VNC server in tests',
  xclip: 'the clipboard of the VNC server in tests',
  pulseaudio: 'plays sound to the streamer in tests',
  coturn: 'the TURN server in tests',
  'busybox-static': 'the tiny guest of the driver contract',
  'xz-utils': 'unpacks the kernel modules of that guest',
  postgresql: 'the second database in tests',
};

/** Names out of `names` that dpkg does not know as installed. */
export async function missingPackages(names: readonly string[]): Promise<string[]> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholders are dpkg's
  const { stdout } = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\\n']).catch(
    (cause) => {
      throw new BrowserVmError(
        {
          code: 'not_debian',
          message: 'dpkg-query does not run: this machine is not a Debian',
          hop: 'host',
          remedy: 'use Debian 12 or 13, or install the equivalents of the packages in README by hand',
        },
        { cause },
      );
    },
  );
  const installed = new Set(
    stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return names.filter((name) => !installed.has(name));
}

/**
 * Installs what is missing through apt when this process is root.
 * Otherwise throws `host_packages_missing` with the exact command to run.
 */
export async function installPackages(
  names: readonly string[],
  progress: (line: string) => void,
): Promise<void> {
  const missing = await missingPackages(names);
  if (missing.length === 0) {
    progress(`${names.length} packages present`);
    return;
  }
  if (process.getuid?.() !== 0) {
    throw new BrowserVmError({
      code: 'host_packages_missing',
      message: `Debian packages are missing: ${missing.join(' ')}`,
      hop: 'host',
      remedy: `run: sudo apt-get update && sudo apt-get install --no-install-recommends ${missing.join(' ')}`,
    });
  }
  progress(`installing ${missing.join(' ')}`);
  await apt(['update'], progress);
  await apt(['install', '--yes', '--no-install-recommends', ...missing], progress);
}

/** Another apt may hold the lock; it is waited for rather than failed on. */
const APT_OPTIONS = ['-o', 'DPkg::Lock::Timeout=600'];

async function apt(args: readonly string[], progress: (line: string) => void): Promise<void> {
  const child = spawn('apt-get', [...APT_OPTIONS, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (/^(Setting up|Unpacking|Get:|Fetched)/.test(line)) progress(line.slice(0, 100));
  });
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) {
    throw new BrowserVmError({
      code: 'apt_failed',
      message: `apt-get ${args[0]} ended with ${code}: ${errors.slice(-3).join(' / ')}`,
      hop: 'host',
      remedy: 'make the Debian package sources of this machine work, then run the same command again',
    });
  }
}
