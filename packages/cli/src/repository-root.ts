import path from 'node:path';

/** The checkout this command runs from. */
export const repositoryRoot = path.resolve(import.meta.dirname, '../../..');
