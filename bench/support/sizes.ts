import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { ControllerProcess } from '../../test/e2e/support/controller-process.ts';
import type { Figure } from '../report/figures.ts';
import type { UsedTemplate } from './template.ts';

/** Room on the disk, holes not counted; each file of an image and of a template once. */
export async function sizeFigures(controller: ControllerProcess, template: UsedTemplate): Promise<Figure[]> {
  const state = controller.environment.BROWSER_VM_STATE_DIR ?? '';
  const image = await sizeMb(path.join(state, 'images', template.imageId));
  return [
    { what: 'size.image_mb', unit: 'MB', values: [image] },
    { what: 'size.template_mb', unit: 'MB', values: [await sizeMb(template.directory)] },
  ];
}

async function sizeMb(directory: string): Promise<number> {
  const names = await readdir(directory, { recursive: true });
  const sizes = await Promise.all(
    names.map(async (name) => 512 * (await stat(path.join(directory, name))).blocks),
  );
  return sizes.reduce((sum, size) => sum + size, 0) / 1e6;
}
