export { type AgentBundle, bundleAgent } from './agent-bundle.ts';
export { type BuildImageOptions, buildImage } from './build.ts';
export { type Image, type OpenImageOptions, openImage } from './open.ts';
export { type PruneOptions, pruneImages } from './prune.ts';
export { type BootFigures, type VerifyOptions, verifyImageByBoot } from './verify-boot.ts';
