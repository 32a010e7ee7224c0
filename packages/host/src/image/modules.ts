import { BrowserVmError } from '@browser-vm/protocol';

/**
 * The order in which to load `wanted` with all they depend on, from the text of `modules.dep`: paths
 * relative to the modules' directory, each after what it needs. Names of modules built into the kernel
 * (the text of `modules.builtin`) need no loading. Throws `kernel_module_missing`.
 */
export function moduleLoadOrder(wanted: readonly string[], dependencies: string, builtin: string): string[] {
  const byName = new Map<string, { file: string; needs: string[] }>();
  for (const line of dependencies.split('\n')) {
    const [file, needs] = line.split(':').map((part) => part.trim());
    if (!file) continue;
    const words = (needs ?? '').split(' ').filter((word) => word !== '');
    byName.set(moduleName(file), { file: plain(file), needs: words.map(moduleName) });
  }
  const builtinNames = new Set(
    builtin
      .split('\n')
      .filter((line) => line !== '')
      .map(moduleName),
  );
  const order: string[] = [];
  const add = (name: string) => {
    const module = byName.get(name);
    if (module === undefined) {
      if (builtinNames.has(name)) return;
      throw new BrowserVmError({
        code: 'kernel_module_missing',
        message: `the kernel of the image has no module ${name}`,
        hop: 'image',
        remedy: 'correct kernelModules or kernelPackage in image/recipe.json',
      });
    }
    if (order.includes(module.file)) return;
    // modules.dep lists what is needed first last.
    for (const needed of module.needs.toReversed()) add(needed);
    if (!order.includes(module.file)) order.push(module.file);
  };
  for (const name of wanted) add(name.replaceAll('-', '_'));
  return order;
}

/** The kernel takes `-` and `_` for the same. */
export function moduleName(file: string): string {
  return file
    .replace(/^.*\//, '')
    .replace(/\.ko(\.[a-z]+)?$/, '')
    .replaceAll('-', '_');
}

function plain(file: string): string {
  return file.replace(/\.ko\.[a-z]+$/, '.ko');
}
