import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { AgentBundle } from './agent-bundle.ts';
import { type CpioEntry, packCpio } from './cpio.ts';
import { moduleLoadOrder, moduleName } from './modules.ts';
import { recipeDirectory } from './recipe.ts';
import { ROOTFS_FILES } from './rootfs.ts';

export interface InitrdInput {
  readonly repositoryRoot: string;
  readonly kernelModules: readonly string[];
  /** Directory of the finished root filesystem layer. */
  readonly rootfs: string;
  /** Names of the layers this initrd accepts, and no others. */
  readonly expected: { readonly rootfs: string; readonly providers: string };
  readonly agent: AgentBundle;
}

/**
 * The initial root: busybox, our init, kernel modules in load order, and the agent, which changes more
 * often than all else and so costs no new file system.
 */
export async function makeInitrd(input: InitrdInput): Promise<Buffer> {
  const recipe = path.join(recipeDirectory(input.repositoryRoot), 'initrd');
  const modules = path.join(input.rootfs, ROOTFS_FILES.modules);
  const order = moduleLoadOrder(
    input.kernelModules,
    await readFile(path.join(modules, 'modules.dep'), 'utf8'),
    await readFile(path.join(modules, 'modules.builtin'), 'utf8'),
  );
  const program = (name: string, content: Uint8Array): CpioEntry => ({ name, mode: 0o100755, content });
  const text = (name: string, content: string): CpioEntry => ({
    name,
    mode: 0o100644,
    content: Buffer.from(`${content}\n`),
  });
  const entries: CpioEntry[] = [
    program('bin/busybox', await readFile(path.join(input.rootfs, ROOTFS_FILES.busybox))),
    // Before devtmpfs is mounted, the first process already has a console.
    { name: 'dev/console', mode: 0o020600, device: [5, 1] },
    program('init', await readFile(path.join(recipe, 'init'))),
    program('agent/init', await readFile(path.join(recipe, 'guest-init'))),
    text('expected/rootfs', input.expected.rootfs),
    text('expected/providers', input.expected.providers),
    text('modules/order', order.map(moduleName).join('\n')),
    ...input.agent.files.map((file) => ({ ...file, name: `agent/${file.name}` })),
  ];
  for (const file of order) {
    entries.push({
      name: `modules/${moduleName(file)}.ko`,
      mode: 0o100644,
      content: await readFile(path.join(modules, file)),
    });
  }
  return leavingRoomAbove(packCpio(entries));
}

const PAGE = 4096;

/**
 * QEMU's microvm puts the initrd into the highest whole pages of memory, where QEMU 10 keeps its ACPI tables
 * in what the last page leaves free: an initrd that ends late in its page overwrites them, and the kernel
 * hangs. Zeros, which the kernel skips, make this one end four bytes into a page.
 */
function leavingRoomAbove(archive: Buffer): Buffer {
  const end = Math.ceil((archive.length - 4) / PAGE) * PAGE + 4;
  return Buffer.concat([archive, Buffer.alloc(end - archive.length)]);
}
