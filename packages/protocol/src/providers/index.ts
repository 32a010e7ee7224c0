import type { ProviderDescriptor } from '../provider.ts';
import { codex } from './codex.ts';

/** Every provider the product knows, by id. */
export const PROVIDERS: ReadonlyMap<string, ProviderDescriptor> = new Map(
  [codex].map((provider) => [provider.id, provider]),
);
