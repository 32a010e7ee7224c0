import { chownSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { GUEST } from '@browser-vm/protocol';
import type { AgentOptions } from '../options.ts';
import { asUser, cleanEnvironment } from '../user.ts';
import type { Command } from './supervised.ts';

type Options = Pick<
  AgentOptions,
  'user' | 'runtimeDirectory' | 'toolPath' | 'display' | 'soundPort' | 'loopbackOnly'
>;

/** The sink's name; what it plays is heard at its monitor. */
const SINK = 'desktop';

/**
 * A mixer without devices, which plays to whoever connects to its port, the host alone: PulseAudio. While nothing plays and
 * nobody listens it does nothing.
 */
export function soundCommand(options: Options): Command {
  const { samplesPerSecond, channels } = GUEST.sound;
  const format = `rate=${samplesPerSecond} channels=${channels} format=s16le`;
  const modules = [
    // Without rewinds it mixes 50 ms at a time, and not up to two seconds.
    `module-null-sink sink_name=${SINK} ${format} norewinds=true`,
    // Its directory is the user's alone.
    `module-native-protocol-unix socket=${socket(options)} auth-anonymous=true auth-cookie-enabled=false`,
    `module-simple-protocol-tcp source=${SINK}.monitor ${format} record=true playback=false port=${options.soundPort} listen=${options.loopbackOnly ? '127.0.0.1' : '0.0.0.0'}`,
    'module-suspend-on-idle timeout=1',
  ];
  const argv = asUser(options.user, [
    'pulseaudio',
    // Nothing but these modules, also later.
    '-n',
    '--disallow-module-loading',
    '--disallow-exit',
    '--exit-idle-time=-1',
    '--daemonize=no',
    '--use-pid-file=no',
    '--disable-shm=yes',
    '--high-priority=no',
    '--realtime=no',
    '--log-target=stderr',
    '--log-level=error',
    ...modules.flatMap((module) => ['-L', module]),
  ]);
  const { DISPLAY: _display, ...environment } = cleanEnvironment(options);
  const directory = directoryOf(options);
  return {
    name: 'sound',
    argv: () => argv,
    env: { ...environment, PULSE_RUNTIME_PATH: directory, PULSE_STATE_PATH: directory },
    beforeStart: () => {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      chownSync(directory, options.user.uid, options.user.gid);
      // A server that was killed leaves it.
      rmSync(socket(options), { force: true });
    },
  };
}

/** With it a program plays to that mixer, and to nothing where there is none. */
export function soundEnvironment(options: Options): Record<string, string> {
  return { PULSE_SERVER: `unix:${socket(options)}` };
}

function socket(options: Options): string {
  return join(directoryOf(options), 'native');
}

function directoryOf({ runtimeDirectory }: Options): string {
  return join(runtimeDirectory, 'sound');
}
