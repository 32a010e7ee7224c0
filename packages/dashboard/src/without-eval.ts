import { config } from 'zod';

// The page's policy forbids building code from text, and zod would try it once. Imported before any schema is used.
config({ jitless: true });
