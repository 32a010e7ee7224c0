import { loadConfiguration } from '@browser-vm/controller';
import { buildImage, openImage } from '@browser-vm/host';
import { Command } from 'commander';
import { repositoryRoot } from '../repository-root.ts';

export function imageCommand(): Command {
  const image = new Command('image').description('the golden image that every VM starts from');
  image
    .command('build')
    .description('build it unless it stands there already')
    .option('--refresh', "look for newer versions of Debian's packages, and build again when there are some")
    .action(build);
  image.command('show').description('print the manifest of the current image').action(show);
  return image;
}

async function build(options: { readonly refresh?: boolean }): Promise<void> {
  const configuration = await loadConfiguration();
  const built = await buildImage({
    stateDir: configuration.BROWSER_VM_STATE_DIR,
    repositoryRoot,
    refresh: options.refresh === true,
    progress: (line) => console.log(line),
  });
  console.log(`${built.manifest.id} in ${built.directory}`);
}

async function show(): Promise<void> {
  const configuration = await loadConfiguration();
  const current = await openImage({ stateDir: configuration.BROWSER_VM_STATE_DIR });
  console.log(JSON.stringify(current.manifest, null, 2));
}
