import { type ConfigurationKey, configurationSchema } from '@browser-vm/protocol';
import { z } from 'zod';

const INTRODUCTION = `# Configuration

<!-- Generated from the configuration schema by packages/controller/src/configuration/write-configuration.ts -->

Each key comes from the environment, or from \`browser-vm.env\` in the state directory, one \`KEY=value\` a line. The
environment wins; an empty value counts as absent. A key that is not listed here is an error, in the file and, when it
begins with \`BROWSER_VM_\`, in the environment.
`;

/** docs/configuration.md, from the schema. */
export function configurationText(): string {
  const { properties = {} } = z.toJSONSchema(configurationSchema, { io: 'input', unrepresentable: 'any' });
  const defaults = configurationSchema.parse({});
  const keys = Object.keys(configurationSchema.shape) as ConfigurationKey[];
  const entries = keys.map((key) => {
    const property = properties[key];
    if (typeof property !== 'object') throw new Error(`${key} has no description in the schema`);
    return `- \`${key}\`: ${property.description ?? ''}${takes(property)}. ${fallback(defaults[key])}`;
  });
  return `${INTRODUCTION}\n${entries.join('\n')}\n`;
}

function takes({ enum: choices, minimum, maximum }: z.core.JSONSchema.JSONSchema): string {
  if (choices !== undefined && choices.length > 1) return ` (${choices.join(', ')})`;
  if (minimum === undefined) return '';
  const bounded = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  return bounded ? ` (${minimum} to ${maximum})` : ` (${minimum} or more)`;
}

function fallback(value: unknown): string {
  if (value === undefined) return 'No default.';
  if (Array.isArray(value) && value.length === 0) return 'Default: none.';
  return `Default: \`${String(value)}\`.`;
}
