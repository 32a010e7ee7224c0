import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import {
  BrowserVmError,
  type Configuration,
  type ConfigurationKey,
  configurationSchema,
} from '@browser-vm/protocol';
import { closest } from './closest.ts';

export interface ConfigurationSources {
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `KEY=value` lines. Default: `browser-vm.env` in the state directory, if it exists. */
  readonly file?: string;
}

const KEYS = Object.keys(configurationSchema.shape) as ConfigurationKey[];
const PREFIX = 'BROWSER_VM_';
const FILE_NAME = 'browser-vm.env';

/**
 * Configuration from environment and file; the environment wins, an empty value counts as absent.
 * Rejects with `unknown_configuration_key`, which names the closest known key, with
 * `invalid_configuration`, which names the key and never its value, or with `configuration_file_unreadable`.
 */
export async function loadConfiguration(sources: ConfigurationSources = {}): Promise<Configuration> {
  const env = withoutEmpty(sources.env ?? process.env);
  const path = sources.file ?? join(stateDirectoryOf(env), FILE_NAME);
  const file = withoutEmpty(parseEnv(await readOptional(path, sources.file !== undefined)));

  for (const key of Object.keys(file)) if (!isKnown(key)) throw unknownKey(key, path);
  for (const key of Object.keys(env)) {
    if (key.startsWith(PREFIX) && !isKnown(key)) throw unknownKey(key, 'the environment');
  }
  const known = Object.fromEntries(Object.entries(env).filter(([key]) => isKnown(key)));
  const parsed = configurationSchema.safeParse({ ...file, ...known });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const key = String(issue?.path[0] ?? '');
  throw new BrowserVmError({
    code: 'invalid_configuration',
    message: `${key}, from ${key in known ? 'the environment' : path}: ${issue?.message ?? 'invalid'}`,
    hop: 'configuration',
    remedy: 'docs/configuration.md says what each key takes',
  });
}

function stateDirectoryOf(env: Readonly<Record<string, string>>): string {
  return env.BROWSER_VM_STATE_DIR ?? configurationSchema.parse({}).BROWSER_VM_STATE_DIR;
}

async function readOptional(path: string, required: boolean): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (missing && !required) return '';
    throw new BrowserVmError(
      {
        code: 'configuration_file_unreadable',
        message: `the configuration file ${path} cannot be read`,
        hop: 'configuration',
        remedy: missing ? 'create it, or name another' : 'let the user that runs the controller read it',
      },
      { cause },
    );
  }
}

function withoutEmpty(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const present = Object.entries(values).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
  );
  return Object.fromEntries(present);
}

function isKnown(key: string): boolean {
  return (KEYS as string[]).includes(key);
}

function unknownKey(key: string, source: string): BrowserVmError {
  return new BrowserVmError({
    code: 'unknown_configuration_key',
    message: `${source} has ${key}, which is not a configuration key`,
    hop: 'configuration',
    remedy: `did you mean ${closest(key, KEYS)}? docs/configuration.md lists every key`,
  });
}
