import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { machine } from './command-line.ts';
import { FIRST_DESCRIPTOR, launch } from './launch.ts';
import { QEMU } from './version.ts';

/** A kernel says its first words after some 50 ms under KVM. Milliseconds. */
const PROBE_TIMEOUT = 5000;
/** Of the probe's guest. MiB. */
const PROBE_MEMORY_MB = 128;

const answerSchema = z.strictObject({ key: z.string(), whyNotKvm: z.string().nullable() });

/**
 * Why KVM cannot be used here, or null when it can: the real kernel is booted for a moment and must say its
 * first words, since on some machines /dev/kvm opens and never runs a guest. The answer is kept in
 * `cacheFile` until kernel, QEMU or the boot of this machine changes.
 */
export async function whyNotKvm(options: {
  readonly kernel: string;
  readonly qemuVersion: string;
  readonly uid: number;
  readonly cacheFile: string;
}): Promise<string | null> {
  const { mtimeMs, size } = await stat(options.kernel);
  const machineBoot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const key = [options.kernel, size, mtimeMs, options.qemuVersion, machineBoot].join(' ');
  const known = await readFile(options.cacheFile, 'utf8')
    .then((text) => answerSchema.parse(JSON.parse(text)))
    .catch(() => null);
  if (known?.key === key) return known.whyNotKvm;
  const answer = { key, whyNotKvm: await probe(options.kernel, options.uid) };
  await mkdir(join(options.cacheFile, '..'), { recursive: true });
  const next = `${options.cacheFile}.${process.pid}`;
  await writeFile(next, JSON.stringify(answer));
  await rename(next, options.cacheFile);
  return answer.whyNotKvm;
}

async function probe(kernel: string, uid: number): Promise<string | null> {
  if (
    !(await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
      () => true,
      () => false,
    ))
  ) {
    return 'there is no /dev/kvm';
  }
  const directory = await mkdtemp(join(tmpdir(), 'bvm-probe-'));
  const kernelFile = await open(kernel, 'r');
  const log = await open(join(directory, 'output'), 'wx+');
  try {
    const child = launch(
      [
        QEMU,
        ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-m', `${PROBE_MEMORY_MB}M`],
        ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
        ...machine('kvm'),
        ...['-kernel', `/proc/self/fd/${FIRST_DESCRIPTOR}`, '-append', 'earlyprintk=ttyS0 console=ttyS0'],
        ...['-chardev', 'socket,id=console,fd=3', '-serial', 'chardev:console'],
      ],
      {
        uid,
        gid: uid,
        networkNamespace: null,
        kvm: true,
        directory: '/',
        log: log.fd,
        descriptors: [kernelFile.fd],
      },
    );
    const { promise, resolve } = Promise.withResolvers<string | null>();
    const timer = setTimeout(
      () => resolve(`/dev/kvm opens, but a guest said nothing within ${PROBE_TIMEOUT / 1000} s`),
      PROBE_TIMEOUT,
    );
    const gone = new Promise<void>((ended) => child.once('close', () => ended()));
    child.once('error', (error) => resolve(error.message));
    child.once('exit', () => resolve('QEMU ended'));
    let heard = '';
    child.stdio[3]?.on('data', (chunk: Buffer) => {
      heard = (heard + chunk.toString('latin1')).slice(-4096);
      if (heard.includes('Linux version')) resolve(null);
    });
    child.stdio[3]?.on('error', () => {});
    const answer = await promise;
    clearTimeout(timer);
    child.kill('SIGKILL');
    await gone;
    if (answer !== 'QEMU ended') return answer;
    const said = (await readFile(join(directory, 'output'), 'utf8')).trim().split('\n').at(-1);
    return `QEMU ended under KVM: ${said ?? ''}`;
  } finally {
    await kernelFile.close();
    await log.close();
    await rm(directory, { recursive: true, force: true });
  }
}
