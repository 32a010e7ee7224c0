import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

const recipeSchema = z.strictObject({
  debian: z.strictObject({
    suite: z.string(),
    architecture: z.literal('amd64'),
    components: z.array(z.string()).min(1),
  }),
  minimumMemoryMb: z.number().int().positive().describe('measured: the build ends by booting with it'),
  kernelPackage: z.string(),
  packages: z.array(z.string()).min(1),
  excludedPaths: z.array(z.string()).describe('never unpacked from a package; shell patterns'),
  kernelModules: z.array(z.string()).min(1).describe('loaded by the initrd, with what they depend on'),
  requiredPrograms: z.array(z.string()).min(1).describe('must be there with every library they load'),
});
export type Recipe = z.infer<typeof recipeSchema>;

/** Where the recipe of the image lies in a repository. */
export function recipeDirectory(repositoryRoot: string): string {
  return path.join(repositoryRoot, 'image');
}

export async function readRecipe(repositoryRoot: string): Promise<Recipe> {
  const file = path.join(recipeDirectory(repositoryRoot), 'recipe.json');
  return recipeSchema.parse(JSON.parse(await readFile(file, 'utf8')));
}
