import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { configurationText } from './configuration-text.ts';

/** `node packages/controller/src/configuration/write-configuration.ts` writes docs/configuration.md. */
const target = fileURLToPath(new URL('../../../../docs/configuration.md', import.meta.url));
await writeFile(target, configurationText());
