import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT_CONTRACT_VERSION, framebufferSchema, GUEST } from '@browser-vm/protocol';
import { z } from 'zod';
import type { DriverCapabilities } from '../drivers/driver.ts';
import type { Image } from '../image/index.ts';
import { removeUnlessLeased } from '../system/lease.ts';

export const TEMPLATE_FILE = 'template.json';
export const PICTURE_FILE = 'picture.bgrx';

/** `template.json`: what a session needs to know of the template it runs from. */
export const templateManifestSchema = z.strictObject({
  formatVersion: z.literal(1),
  key: z.string(),
  imageId: z.string(),
  agentVersion: z.string(),
  driver: z.string(),
  driverVersion: z.string(),
  accelerator: z.enum(['kvm', 'tcg']),
  vcpus: z.number(),
  memoryMb: z.number(),
  commandLine: z.string().describe("the guest's whole command line"),
  builtAt: z.iso.datetime(),
  coldBootMs: z.number().describe('from starting the monitor to a painted browser'),
  picture: z.strictObject({ width: z.number().int(), height: z.number().int() }),
  framebuffer: framebufferSchema.nullable().describe('where the picture is in the memory of each VM'),
});
export type TemplateManifest = z.infer<typeof templateManifestSchema>;

/** An image booted once to "browser painted" and frozen. */
export interface Template {
  readonly directory: string;
  readonly manifest: TemplateManifest;
  /** The last picture of the desktop, BGRX. */
  readonly picture: string;
}

/** A template with the image that its VMs read their disks from. */
export interface RunnableTemplate {
  readonly image: Image;
  readonly template: Template;
}

/** Everything that makes two templates different. */
export interface TemplateInputs {
  readonly image: Image;
  readonly driver: string;
  readonly capabilities: DriverCapabilities;
  readonly vcpus: number;
  readonly memoryMb: number;
  /** Words for the guest's kernel besides the driver's. */
  readonly commandLine: string;
  /** PEM, each one certificate or several. */
  readonly caCertificates: readonly string[];
  /** Is the desktop's picture kept where it can be read from the VM's memory? */
  readonly pictureInMemory: boolean;
}

/** Changes when templates made by earlier code must not be used. */
const RECIPE = 3;

export function templateKey(inputs: TemplateInputs): string {
  const { image, capabilities } = inputs;
  const all = [
    RECIPE,
    AGENT_CONTRACT_VERSION,
    GUEST,
    image.manifest.id,
    image.manifest.agentVersion,
    inputs.driver,
    capabilities.version,
    capabilities.accelerator,
    capabilities.fingerprint,
    inputs.vcpus,
    inputs.memoryMb,
    inputs.commandLine,
    inputs.caCertificates,
    inputs.pictureInMemory,
  ];
  return createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 16);
}

export const templatesDirectory = (stateDir: string): string => join(stateDir, 'templates');

/** Null when there is none, or not a whole one. */
export async function readTemplate(stateDir: string, key: string): Promise<Template | null> {
  const directory = join(templatesDirectory(stateDir), key);
  try {
    const manifest = templateManifestSchema.parse(
      JSON.parse(await readFile(join(directory, TEMPLATE_FILE), 'utf8')),
    );
    const picture = join(directory, PICTURE_FILE);
    await stat(picture);
    return manifest.key === key ? { directory, manifest, picture } : null;
  } catch {
    return null;
  }
}

/** The last step: a directory with this file in it is a template, and nothing before it is. */
export async function finishTemplate(
  building: string,
  stateDir: string,
  manifest: TemplateManifest,
): Promise<void> {
  await writeFile(join(building, TEMPLATE_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
  const directory = join(templatesDirectory(stateDir), manifest.key);
  await rm(directory, { recursive: true, force: true });
  await rename(building, directory);
}

/** An empty directory beside the templates. */
export async function buildingDirectory(stateDir: string, key: string): Promise<string> {
  const directory = join(templatesDirectory(stateDir), `.building-${key}-${process.pid}`);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  return directory;
}

/**
 * Removes what unfinished builds left, templates of images that are gone, and all but the latest used `keep`
 * besides `used`, to which other configurations may come back; nothing that any controller has leased. Only
 * under the template lock.
 */
export async function pruneTemplates(stateDir: string, used: string, keep: number): Promise<void> {
  const templates = templatesDirectory(stateDir);
  await utimes(join(templates, used, TEMPLATE_FILE), new Date(), new Date());
  const others: { name: string; usedAt: number }[] = [];
  for (const name of await readdir(templates)) {
    if (name === used || name === '.lock') continue;
    const template = await readTemplate(stateDir, name);
    const image = template === null ? null : join(stateDir, 'images', template.manifest.imageId);
    if (image === null || !(await exists(image)))
      await removeUnlessLeased(join(templates, name), TEMPLATE_FILE);
    else others.push({ name, usedAt: (await stat(join(templates, name, TEMPLATE_FILE))).mtimeMs });
  }
  others.sort((one, other) => other.usedAt - one.usedAt);
  for (const { name } of others.slice(keep)) {
    await removeUnlessLeased(join(templates, name), TEMPLATE_FILE);
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
