import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { ControllerProcess } from '../../test/e2e/support/controller-process.ts';

const manifestSchema = z.looseObject({
  key: z.string(),
  imageId: z.string(),
  accelerator: z.string(),
  vcpus: z.number(),
  memoryMb: z.number(),
  coldBootMs: z.number(),
});

/** The template that a controller uses, and what it cost to boot it. */
export type UsedTemplate = z.infer<typeof manifestSchema> & { readonly directory: string };

export async function usedTemplate(controller: ControllerProcess): Promise<UsedTemplate> {
  const key = /template (\w+) is ready/.exec(controller.output)?.[1];
  if (key === undefined) throw new Error('the controller did not name its template');
  const directory = await realpath(
    path.join(controller.environment.BROWSER_VM_STATE_DIR ?? '', 'templates', key),
  );
  const text = await readFile(path.join(directory, 'template.json'), 'utf8');
  return { ...manifestSchema.parse(JSON.parse(text)), directory };
}
