import { z } from 'zod';

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
const imageFileSchema = z.object({
  name: z.string(),
  bytes: z.number().int().positive(),
  sha256: sha256Schema,
});

/** `manifest.json` beside an image's files: one artifact whose parts match or are refused. */
export const imageManifestSchema = z
  .strictObject({
    formatVersion: z.literal(2),
    id: z
      .string()
      .regex(/^[0-9a-f]{16}$/)
      .describe('hash of everything that went in'),
    builtAt: z.iso.datetime(),
    debian: z.string().describe('suite'),
    kernelRelease: z.string(),
    contractVersion: z.string(),
    agentVersion: z.string(),
    minimumMemoryMb: z.number().int().positive(),
    files: z.strictObject({
      kernel: imageFileSchema.describe('uncompressed ELF with a PVH entry'),
      initrd: imageFileSchema,
      rootfs: imageFileSchema.describe('read-only root filesystem'),
      providers: imageFileSchema.describe('read-only layer with the provider tools'),
    }),
    packageList: imageFileSchema.describe('every Debian package and its version, a line each'),
    packages: z.record(z.string(), z.string()).describe('versions of the Debian packages in the recipe'),
    tools: z.record(z.string(), z.string()).describe('provider tool versions'),
  })
  .meta({ id: 'ImageManifest' });
export type ImageManifest = z.infer<typeof imageManifestSchema>;
