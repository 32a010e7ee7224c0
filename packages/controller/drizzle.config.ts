import { defineConfig } from 'drizzle-kit';

/** `npx drizzle-kit generate --name WHAT` in this folder, after a change to the schema. */
export default defineConfig({
  dialect: 'postgresql',
  casing: 'snake_case',
  schema: './src/database/schema.ts',
  out: './src/database/migrations',
});
