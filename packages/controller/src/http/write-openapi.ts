import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openApiText } from './openapi-text.ts';

/** `node packages/controller/src/http/write-openapi.ts` writes docs/openapi.json. */
const target = fileURLToPath(new URL('../../../../docs/openapi.json', import.meta.url));
await writeFile(target, await openApiText());
