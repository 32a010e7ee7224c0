import { readFile, readlink, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  AGENT_CONTRACT_VERSION,
  BrowserVmError,
  type ImageManifest,
  imageManifestSchema,
} from '@browser-vm/protocol';
import { hashFile } from './content-key.ts';
import { imagePaths } from './layers.ts';

export const MANIFEST_FILE = 'manifest.json';
/** Size and time of each file at the moment its hash was last seen to be right. */
const STAMP_FILE = '.verified.json';

const REBUILD = 'run `browser-vm image build`';

/** An image whose files are known to be those of its manifest. */
export interface Image {
  readonly directory: string;
  readonly manifest: ImageManifest;
  /** Absolute paths. */
  readonly files: Readonly<Record<keyof ImageManifest['files'], string>>;
}

export interface OpenImageOptions {
  readonly stateDir: string;
  /** Absent: the newest image that passed its checks. */
  readonly id?: string;
  /** The agent that must be in it (see `bundleAgent`); absent: any that speaks this contract. */
  readonly agentVersion?: string;
  readonly signal?: AbortSignal;
}

/**
 * Opens an image for booting. Cheap enough for every boot: the files are read and hashed only when their
 * size or time is not that of the last check.
 * Throws `image_missing`, `image_corrupt` or `image_version_mismatch`.
 */
export async function openImage(options: OpenImageOptions): Promise<Image> {
  const directory = await locate(options);
  const image = await readImage(directory);
  checkVersions(image.manifest, options.agentVersion);
  await verifyFiles(image, options.signal);
  return image;
}

async function locate({ stateDir, id }: OpenImageOptions): Promise<string> {
  const paths = imagePaths(stateDir);
  const name = id ?? (await readlink(paths.current).catch(() => null));
  if (name === null) throw missing(`no image has been built in ${paths.images}`);
  const directory = path.join(paths.images, name);
  const found = await stat(directory).catch(() => null);
  if (found === null) throw missing(`image ${name} is not in ${paths.images}`);
  return directory;
}

/** The image in `directory` as its manifest describes it; nothing is verified. */
export async function readImage(directory: string): Promise<Image> {
  const file = path.join(directory, MANIFEST_FILE);
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw corrupt(`${file} cannot be read`, cause);
  });
  let manifest: ImageManifest;
  try {
    manifest = imageManifestSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw corrupt(`${file} is not a manifest of format 2`, cause);
  }
  const at = (kind: keyof ImageManifest['files']) => path.join(directory, manifest.files[kind].name);
  return {
    directory,
    manifest,
    files: { kernel: at('kernel'), initrd: at('initrd'), rootfs: at('rootfs'), providers: at('providers') },
  };
}

function checkVersions(manifest: ImageManifest, agentVersion: string | undefined): void {
  const mismatch = (what: string, theirs: string, ours: string) =>
    new BrowserVmError({
      code: 'image_version_mismatch',
      message: `image ${manifest.id} has ${what} ${theirs}, this host needs ${ours}`,
      hop: 'image',
      remedy: REBUILD,
    });
  if (manifest.contractVersion !== AGENT_CONTRACT_VERSION) {
    throw mismatch('agent contract', manifest.contractVersion, AGENT_CONTRACT_VERSION);
  }
  if (agentVersion !== undefined && manifest.agentVersion !== agentVersion) {
    throw mismatch('agent', manifest.agentVersion, agentVersion);
  }
}

async function verifyFiles(image: Image, signal?: AbortSignal): Promise<void> {
  const stampFile = path.join(image.directory, STAMP_FILE);
  const stamp = await stampOf(image);
  if ((await readFile(stampFile, 'utf8').catch(() => '')) === stamp) return;
  for (const [kind, { name, sha256 }] of Object.entries(image.manifest.files)) {
    const found = await hashFile(image.files[kind as keyof ImageManifest['files']], signal);
    if (found !== sha256) {
      throw corrupt(`${name} of image ${image.manifest.id} has hash ${found}, its manifest says ${sha256}`);
    }
  }
  // A reader without write access checks each time instead.
  await writeFile(stampFile, stamp).catch(() => {});
}

async function stampOf(image: Image): Promise<string> {
  const lines: string[] = [];
  for (const [kind, { name, bytes, sha256 }] of Object.entries(image.manifest.files)) {
    const file = image.files[kind as keyof ImageManifest['files']];
    const found = await stat(file).catch((cause) => {
      throw corrupt(`${name} of image ${image.manifest.id} is not there`, cause);
    });
    if (found.size !== bytes) {
      throw corrupt(
        `${name} of image ${image.manifest.id} has ${found.size} bytes, its manifest says ${bytes}`,
      );
    }
    lines.push(`${name} ${found.ino} ${found.size} ${found.mtimeMs} ${sha256}`);
  }
  return lines.join('\n');
}

function missing(message: string): BrowserVmError {
  return new BrowserVmError({ code: 'image_missing', message, hop: 'image', remedy: REBUILD });
}

function corrupt(message: string, cause?: unknown): BrowserVmError {
  return new BrowserVmError(
    { code: 'image_corrupt', message, hop: 'image', remedy: `remove the image's directory, then ${REBUILD}` },
    { cause },
  );
}
