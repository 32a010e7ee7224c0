import { z } from 'zod';

export const providerIdSchema = z
  .string()
  .regex(/^[a-z][a-z0-9-]{1,31}$/)
  .meta({ id: 'ProviderId' });

const argvSchema = z.array(z.string()).min(1);
const jsonPointerSchema = z.string().regex(/^(\/[^/]+)+$/, 'an RFC 6901 JSON pointer');

/** One command-line tool one can sign in to. Everything that differs between tools is data here. */
export const providerDescriptorSchema = z
  .strictObject({
    id: providerIdSchema,
    name: z.string().describe('as people know it'),
    tool: z.string().describe('the command they run'),
    package: z
      .strictObject({
        name: z.string(),
        version: z.string(),
        executable: z
          .string()
          .optional()
          .describe(
            'below node_modules: a native program that is the whole tool; absent: the package as npm installs it',
          ),
      })
      .describe('npm package in the image'),
    login: z.strictObject({
      argv: argvSchema,
      env: z.record(z.string(), z.string()).default({}).describe('in addition to a clean environment'),
      prepareFiles: z
        .array(z.strictObject({ path: z.string(), content: z.string() }))
        .default([])
        .describe('written before the command, relative to HOME, mode 0600'),
      answers: z
        .array(z.strictObject({ pattern: z.string(), send: z.string() }))
        .default([])
        .describe('when the terminal shows the pattern (a regular expression), send this, once each'),
      exitCodes: z.array(z.number().int()).min(1).default([0]).describe('that mean success'),
      denied: z
        .string()
        .optional()
        .describe('a regular expression; terminal output that means the person or the provider refused'),
      timeoutSeconds: z.number().int().positive().default(900),
    }),
    opener: z.strictObject({
      urlPatterns: z.array(z.string()).min(1).describe('regular expressions; the sign-in URL matches one'),
      fallbackToOutput: z
        .boolean()
        .default(false)
        .describe('may a URL printed on the terminal be opened when the opener was not called'),
    }),
    credential: z.strictObject({
      path: z.string().describe('relative to HOME'),
      format: z.enum(['json']),
      required: z.array(jsonPointerSchema).min(1).describe('must be present, of type string, not empty'),
      account: z
        .strictObject({ pointer: jsonPointerSchema, jwtClaim: z.string().optional() })
        .optional()
        .describe('where a label for the person is found; with jwtClaim the pointer names a JWT'),
      expiresAt: z
        .strictObject({ pointer: jsonPointerSchema, unit: z.enum(['jwt', 'milliseconds', 'seconds']) })
        .optional(),
      maxBytes: z.number().int().positive().default(65_536),
    }),
    status: z
      .strictObject({ argv: argvSchema, exitCode: z.number().int().default(0) })
      .nullable()
      .describe("the tool's own word that it is signed in; null where it has no such command"),
  })
  .meta({ id: 'ProviderDescriptor' });
export type ProviderDescriptor = z.infer<typeof providerDescriptorSchema>;
