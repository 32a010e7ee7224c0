import { type ChildProcess, spawn } from 'node:child_process';
import { SYSTEM_PATH } from '../../system/run.ts';

/**
 * Runs as root inside new network and mount namespaces and becomes the monitor: same process from the first
 * `exec` to the last. A private /dev with the devices a VM needs is all the monitor sees of the host's;
 * files it writes are bounded, and writing beyond fails instead of killing it, so that a guest cannot fill
 * the disk through its console.
 */
const LAUNCHER = `
set -eu
uid=$1 gid=$2 kvm=$3; shift 3
mount -t tmpfs -o mode=755,size=64k,nosuid,noexec tmpfs /dev
mkdir /dev/net
mknod -m 666 /dev/null c 1 3
mknod -m 444 /dev/zero c 1 5
mknod -m 444 /dev/urandom c 1 9
mknod -m 600 /dev/net/tun c 10 200
if [ "$kvm" = yes ]; then mknod -m 600 /dev/kvm c 10 232; chown "$uid:$gid" /dev/kvm; fi
chown "$uid:$gid" /dev/net/tun
ulimit -f ${(16 * 1024 * 1024) / 512}
ulimit -c 0
ulimit -n 256
trap '' XFSZ
exec setpriv --reuid "$uid" --regid "$gid" --clear-groups --no-new-privs --inh-caps -all --bounding-set -all \\
  --pdeathsig KILL -- "$@"
`;

export interface LaunchOptions {
  readonly uid: number;
  readonly gid: number;
  /** Null: the namespace we run in. */
  readonly networkNamespace: string | null;
  readonly kvm: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  /** Where relative paths of the monitor's command line start. */
  readonly directory: string;
  /** File descriptor for what the monitor says on stdout and stderr. */
  readonly log: number;
  /** Given to the monitor as descriptors from 4 on; 3 is a socket pair, QMP. */
  readonly descriptors: readonly number[];
}

/** The descriptor of the socket pair in the monitor. */
export const QMP_DESCRIPTOR = 3;
export const FIRST_DESCRIPTOR = 4;

/** Starts a monitor without privileges. It ends with the thread that called this, however that ends. */
export function launch(argv: readonly string[], options: LaunchOptions): ChildProcess {
  const inNamespaces = [
    ...(options.networkNamespace === null ? [] : ['nsenter', `--net=${options.networkNamespace}`]),
    ...['unshare', '--mount', '--ipc', '--propagation', 'private'],
    ...['sh', '-c', LAUNCHER, 'sh', String(options.uid), String(options.gid), options.kvm ? 'yes' : 'no'],
    ...argv,
  ];
  return spawn(inNamespaces[0]!, inNamespaces.slice(1), {
    cwd: options.directory,
    env: { PATH: SYSTEM_PATH, LC_ALL: 'C', ...options.environment },
    stdio: ['ignore', options.log, options.log, 'pipe', ...options.descriptors],
    detached: true,
  });
}
